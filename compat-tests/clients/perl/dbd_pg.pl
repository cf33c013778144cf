# DBD::Pg. One JSON line a check, which the Go test compares with PostgreSQL's.
use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg qw(:async :pg_types);
use JSON::PP;

my $json = JSON::PP->new->canonical->allow_nonref->utf8;
$| = 1;

sub say_it { print $json->encode({ name => $_[0], value => $_[1] }), "\n" }

my $base = "dbi:Pg:host=$ENV{DRIVER_HOST};port=$ENV{DRIVER_PORT};dbname=$ENV{DRIVER_DATABASE}";

sub connect_with {
    my ($more, $password) = @_;
    return DBI->connect("$base;$more", $ENV{DRIVER_USER}, $password // $ENV{DRIVER_PASSWORD}, { RaiseError => 1, PrintError => 0, AutoCommit => 1 });
}

# until asks until the answer is true, for at most a minute.
sub until_true {
    my ($ask) = @_;
    my $end = time + 60;
    until ($ask->()) { die "it did not come true within a minute" if time > $end }
}

my $c = connect_with("sslmode=disable");
say_it("connect", [ int($c->{pg_server_version} / 10000), $c->ping, $c->selectrow_array("SELECT current_user") ]);
my $sth = $c->prepare($ENV{DRIVER_TYPES});
$sth->execute;
say_it("types", $sth->fetchrow_hashref);
say_it("description", [ $sth->{NAME}, $sth->{TYPE}, $sth->{pg_type}, $sth->{PRECISION}, $sth->{SCALE} ]);

sub rows_of {
    my ($s, @names) = @_;
    return [ map { my $r = $_; [ map { $r->{$_} } @names ] } @{ $s->fetchall_arrayref({}) } ];
}

say_it("tables", [ map { @{ rows_of($c->table_info(undef, "public", $_, "TABLE,VIEW"), qw(TABLE_SCHEM TABLE_NAME TABLE_TYPE REMARKS)) } } qw(items parts dear) ]);
for my $table (qw(items parts dear)) {
    say_it("columns", rows_of($c->column_info(undef, "public", $table, "%"), qw(COLUMN_NAME DATA_TYPE TYPE_NAME COLUMN_SIZE DECIMAL_DIGITS NULLABLE COLUMN_DEF ORDINAL_POSITION pg_type pg_constraint)));
}
say_it("primary key", [ $c->primary_key(undef, "public", "parts") ]);
say_it("foreign keys", rows_of($c->foreign_key_info(undef, "public", "items", undef, "public", "parts"), qw(UK_TABLE_NAME UK_COLUMN_NAME FK_TABLE_NAME FK_COLUMN_NAME UPDATE_RULE DELETE_RULE)));
say_it("statistics", rows_of($c->statistics_info(undef, "public", "items", 0, 0), qw(NON_UNIQUE INDEX_NAME TYPE COLUMN_NAME ORDINAL_POSITION)));
say_it("type info", scalar @{ $c->type_info_all } > 20 ? 1 : 0);

my $prepared = $c->prepare("SELECT id, name, price FROM items WHERE id >= ? AND name <> ? ORDER BY id LIMIT 2");
for my $n (0 .. 3) {
    $prepared->execute($n, "n2");
    say_it("prepared", $prepared->fetchall_arrayref);
}
say_it("last insert", [ do {
    $c->do("CREATE TEMP TABLE copied (a serial PRIMARY KEY, b text)");
    $c->do("INSERT INTO copied (b) VALUES (?)", undef, "x");
    $c->last_insert_id(undef, undef, "copied", undef);
} ]);
my $many = $c->prepare("INSERT INTO copied (b) VALUES (?)");
say_it("execute_array", $many->execute_array({}, [ "y", undef, "€" ]));
$c->do("COPY copied FROM STDIN");
$c->pg_putcopydata("10\tz\n");
$c->pg_putcopyend;
$c->do("COPY (SELECT * FROM copied ORDER BY a) TO STDOUT");
my ($line, @copied) = ("");
push @copied, $line while $c->pg_getcopydata($line) >= 0;
say_it("copy", \@copied);

$c->begin_work;
$c->pg_savepoint("s");
eval { $c->do("SELECT 1/0") };
say_it("error", [ $c->state, $c->ping ]);
$c->pg_rollback_to("s");
say_it("after it", $c->selectrow_array("SELECT 1"));
$c->do("DECLARE paged CURSOR FOR SELECT id FROM items ORDER BY id");
say_it("server-side cursor", [ map { $c->selectcol_arrayref("FETCH 3 FROM paged") } 1 .. 4 ]);
$c->do("DECLARE live CURSOR FOR $ENV{DRIVER_LIVE}");
say_it("paged live", [ map { scalar @{ $c->selectall_arrayref("FETCH $_ FROM live") } } 5, 3 ]);
$c->rollback;

my $other = connect_with("sslmode=disable");
$c->do("SELECT pg_sleep(600)", { pg_async => PG_ASYNC });
my $sleeps = q{SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(' || '600)%' AND pid <> pg_backend_pid()};
until_true(sub { $other->selectrow_array($sleeps) });
say_it("cancel", [ $c->pg_cancel, $c->selectrow_array("SELECT 1") ]);

# A live query: COPY gives each row as it comes.
$c->do("COPY ($ENV{DRIVER_LIVE}) TO STDOUT");
$c->pg_getcopydata($line) for 1 .. 5;
say_it("live copy", length $line > 0 ? 1 : 0);
$c->disconnect;

$c = connect_with("sslmode=disable");
$c->do("LISTEN news");
$other->do("NOTIFY news, 'hello'");
my $heard;
until_true(sub { $heard = $c->pg_notifies });
say_it("notification", [ $heard->[0], $heard->[2] ]);

if (my $ca = $ENV{DRIVER_CA}) {
    my %ways = (tls => [], plain => [ "sslmode=disable" ], "channel binding" => [ "sslmode=verify-full;sslrootcert=$ca;channel_binding=require" ], wrong => [ undef, "no" ]);
    for my $name (sort keys %ways) {
        my ($more, $password) = @{ $ways{$name} };
        my $d = eval { connect_with($more // "sslmode=verify-full;sslrootcert=$ca", $password) };
        say_it("scram, $name", $d ? [ $d->selectrow_array("SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()") ] : $DBI::errstr =~ /password authentication failed/ ? JSON::PP::true : $DBI::errstr);
    }
}
