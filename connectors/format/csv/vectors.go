package csv

// vectors says whether the processor has what the code by vectors is of: AVX2, and the
// instructions on bits that came with it. Without it all is read by words and by hand,
// to the same rows.
var vectors = hasVectors()
