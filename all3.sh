./cmp.sh ins simple 8 2
./cmp.sh ins prepared 8 2
for c in 1 8; do for m in simple prepared; do ./cmp.sh sel $m $c 2; done; done
