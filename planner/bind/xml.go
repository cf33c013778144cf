package bind

// noXML says what to write in the place of SQL/XML.
const noXML = "A value of type xml is text here: use json (JSON_OBJECT, JSON_QUERY), or build the text with format() and ||."

// xmlFunctions are PostgreSQL's functions of XML.
var xmlFunctions = map[string]bool{
	"xpath": true, "xpath_exists": true, "xmlagg": true, "xmlcomment": true, "xmlexists": true, "xmltext": true, "xmlvalidate": true,
	"xml_is_well_formed": true, "xml_is_well_formed_content": true, "xml_is_well_formed_document": true,
	"table_to_xml": true, "query_to_xml": true, "cursor_to_xml": true, "schema_to_xml": true, "database_to_xml": true,
	"table_to_xmlschema": true, "query_to_xmlschema": true, "cursor_to_xmlschema": true, "schema_to_xmlschema": true, "database_to_xmlschema": true,
	"table_to_xml_and_xmlschema": true, "query_to_xml_and_xmlschema": true, "schema_to_xml_and_xmlschema": true, "database_to_xml_and_xmlschema": true,
}
