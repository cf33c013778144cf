package parse

// grantStandIn are words of equal length by which PostgreSQL's grammar reads a GRANT
// on what it has not; of the class that "" stands for it needs none.
var grantStandIn = map[string]string{"stream": "TABLE ", "sink": "    ", "connector": "LANGUAGE ", "streams": "TABLES "}

// grant makes GRANT and REVOKE ... ON STREAM, SINK, CONNECTOR and ALL STREAMS IN
// SCHEMA statements of PostgreSQL's.
func (h *head) grant() {
	for i := h.seg.i + 1; i+1 < h.seg.j; i++ {
		if !h.is(i, "on") {
			continue
		}
		all := h.is(i+1, "all")
		if all {
			i++
		}
		for word, by := range grantStandIn {
			if all != (word == "streams") || !h.is(i+1, word) || i+2 >= h.seg.j || h.isAny(i+2, afterName) {
				continue
			}
			copy(h.main[h.start(i+1):h.end(i+1)], by)
			if !all {
				h.seg.word = word
			}
		}
		return
	}
}

// afterName follow the name of an object in GRANT and REVOKE.
var afterName = setOf("to", "from", ",", ".")
