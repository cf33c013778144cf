package tpch

import "fmt"

// Table is a table's name and its columns as CREATE TABLE has them.
type Table struct{ Name, Columns string }

// Tables are the eight tables of the benchmark.
var Tables = []Table{
	{"region", "r_regionkey integer, r_name char(25), r_comment varchar(152)"},
	{"nation", "n_nationkey integer, n_name char(25), n_regionkey integer, n_comment varchar(152)"},
	{"supplier", "s_suppkey integer, s_name char(25), s_address varchar(40), s_nationkey integer, s_phone char(15), s_acctbal numeric(15,2), s_comment varchar(101)"},
	{"part", "p_partkey integer, p_name varchar(55), p_mfgr char(25), p_brand char(10), p_type varchar(25), p_size integer, p_container char(10), p_retailprice numeric(15,2), p_comment varchar(23)"},
	{"partsupp", "ps_partkey integer, ps_suppkey integer, ps_availqty integer, ps_supplycost numeric(15,2), ps_comment varchar(199)"},
	{"customer", "c_custkey integer, c_name varchar(25), c_address varchar(40), c_nationkey integer, c_phone char(15), c_acctbal numeric(15,2), c_mktsegment char(10), c_comment varchar(117)"},
	{"orders", "o_orderkey integer, o_custkey integer, o_orderstatus char(1), o_totalprice numeric(15,2), o_orderdate date, o_orderpriority char(15), o_clerk char(15), o_shippriority integer, o_comment varchar(79)"},
	{"lineitem", "l_orderkey integer, l_partkey integer, l_suppkey integer, l_linenumber integer, l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag char(1), l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct char(25), l_shipmode char(10), l_comment varchar(44)"},
}

func (g *generator) region(out ...*writer) {
	w := out[0]
	for i, name := range regions {
		w.integer(i)
		w.string(name)
		w.string(g.comment(31, 115))
		w.row()
	}
}

func (g *generator) nation(out ...*writer) {
	w := out[0]
	for i, n := range nations {
		w.integer(i)
		w.string(n.name)
		w.integer(n.region)
		w.string(g.comment(31, 114))
		w.row()
	}
}

func (g *generator) supplier(out ...*writer) {
	w := out[0]
	for key := 1; key <= g.suppliers; key++ {
		at := g.rand.IntN(len(nations))
		if key <= len(nations) {
			at = key - 1 // every nation has one at the smallest scale
		}
		w.integer(key)
		w.string(fmt.Sprintf("Supplier#%09d", key))
		w.string(g.address())
		w.integer(at)
		w.string(g.phone(at))
		w.cents(g.between(-99999, 999999))
		comment := g.comment(25, 70)
		switch g.rand.IntN(200) { // in the specification 5 of 10,000 each
		case 0:
			comment += "Customer Complaints"
		case 1:
			comment += "Customer Recommends"
		}
		w.string(comment)
		w.row()
	}
}

// retailPrice is a part's price in cents, which a line's price is made of.
func retailPrice(part int) int { return 90000 + part/10%20001 + 100*(part%1000) }

func (g *generator) part(out ...*writer) {
	w := out[0]
	for key := 1; key <= g.parts; key++ {
		maker := g.between(1, 5)
		name := g.pick(colors)
		for range 4 {
			name += " " + g.pick(colors)
		}
		w.integer(key)
		w.string(name[:min(len(name), 55)])
		w.string(fmt.Sprintf("Manufacturer#%d", maker))
		w.string(fmt.Sprintf("Brand#%d%d", maker, g.between(1, 5)))
		w.string(g.pick(typeSizes) + " " + g.pick(typeCoats) + " " + g.pick(typeMetals))
		w.integer(g.between(1, 50))
		w.string(g.pick(packSizes) + " " + g.pick(packShapes))
		w.cents(retailPrice(key))
		w.string(g.comment(5, 22))
		w.row()
	}
}

// supplierOf is the i-th of a part's four suppliers.
func (g *generator) supplierOf(part, i int) int {
	return (part+i*(g.suppliers/4+(part-1)/g.suppliers))%g.suppliers + 1
}

func (g *generator) partsupp(out ...*writer) {
	w := out[0]
	for part := 1; part <= g.parts; part++ {
		for i := range 4 {
			w.integer(part)
			w.integer(g.supplierOf(part, i))
			w.integer(g.between(1, 9999))
			w.cents(g.between(100, 100000))
			w.string(g.comment(49, 198))
			w.row()
		}
	}
}

func (g *generator) customer(out ...*writer) {
	w := out[0]
	for key := 1; key <= g.customers; key++ {
		at := g.rand.IntN(len(nations))
		w.integer(key)
		w.string(fmt.Sprintf("Customer#%09d", key))
		w.string(g.address())
		w.integer(at)
		w.string(g.phone(at))
		w.cents(g.between(-99999, 999999))
		w.string(g.pick(segments))
		w.string(g.comment(29, 116))
		w.row()
	}
}

// bulk is how many orders there are to one of large quantities only: the
// specification's few orders of more than 300 pieces are there at every scale.
const bulk = 1500

// order writes an order and its lines. A third of the customers order nothing.
func (g *generator) order(out ...*writer) {
	orders, lines := out[0], out[1]
	now := int(today.Sub(firstOrder).Hours() / 24)
	for i := range g.orders {
		key := i/8*32 + i%8 + 1 // only the first 8 of 32 keys are there
		customer := g.between(1, g.customers)
		for customer%3 == 0 && g.customers > 1 {
			customer = g.between(1, g.customers)
		}
		day := g.rand.IntN(orderDays)
		total, open, count, least := 0, 0, g.between(1, 7), 1
		if i%bulk == bulk-1 {
			count, least = 7, 40
		}
		for n := 1; n <= count; n++ {
			part := g.between(1, g.parts)
			quantity, discount, tax := g.between(least, 50), g.between(0, 10), g.between(0, 8)
			price := quantity * retailPrice(part)
			shipped := day + g.between(1, 121)
			committed := day + g.between(30, 90)
			received := shipped + g.between(1, 30)
			total += price * (100 + tax) * (100 - discount) / 10000
			returned, status := "N", "F"
			if received <= now {
				returned = [...]string{"R", "A"}[g.rand.IntN(2)]
			}
			if shipped > now {
				status = "O"
				open++
			}
			lines.integer(key)
			lines.integer(part)
			lines.integer(g.supplierOf(part, g.rand.IntN(4)))
			lines.integer(n)
			lines.cents(quantity * 100)
			lines.cents(price)
			lines.cents(discount)
			lines.cents(tax)
			lines.string(returned)
			lines.string(status)
			lines.date(shipped)
			lines.date(committed)
			lines.date(received)
			lines.string(g.pick(instructions))
			lines.string(g.pick(modes))
			lines.string(g.comment(10, 43))
			lines.row()
		}
		status := "P"
		switch open {
		case 0:
			status = "F"
		case count:
			status = "O"
		}
		orders.integer(key)
		orders.integer(customer)
		orders.string(status)
		orders.cents(total)
		orders.date(day)
		orders.string(g.pick(priorities))
		orders.string(fmt.Sprintf("Clerk#%09d", g.between(1, max(1, g.orders/1500))))
		orders.integer(0)
		orders.string(g.comment(19, 78))
		orders.row()
	}
}
