package types

var byOID = map[OID]*Info{}

// register adds a type; two under one OID is a mistake in this package.
func register(i *Info) *Info {
	if byOID[i.OID] != nil {
		panic("types: " + i.Name + " registered twice")
	}
	byOID[i.OID] = i
	return i
}

// Lookup returns what is known of a type, nil where nothing is.
func Lookup(oid OID) *Info {
	if i := byOID[oid]; i != nil {
		return i
	}
	if oid >= rowTypes {
		return rowInfo(oid)
	}
	return enumInfo(oid)
}
