package types

// wordKind is what a word means to the readers of dates and intervals. The
// kinds below 32 are also bits of a mask, as in PostgreSQL.
type wordKind uint8

const (
	wordReserved    wordKind = 0
	wordMonth       wordKind = 1
	wordYear        wordKind = 2
	wordDay         wordKind = 3
	wordJulian      wordKind = 4
	wordZone        wordKind = 5 // a zone with a fixed offset
	wordDaylight    wordKind = 6 // the same, on daylight-saving time
	wordNamedZone   wordKind = 7 // an abbreviation whose offset depends on the date
	wordIgnored     wordKind = 8
	wordAMPM        wordKind = 9
	wordHour        wordKind = 10
	wordMinute      wordKind = 11
	wordSecond      wordKind = 12
	wordMillisecond wordKind = 13
	wordMicrosecond wordKind = 14
	wordDayOfYear   wordKind = 15
	wordWeekday     wordKind = 16
	wordUnits       wordKind = 17
	wordADBC        wordKind = 18
	wordAgo         wordKind = 19
	wordISOTime     wordKind = 22
	wordWeek        wordKind = 24
	wordDecade      wordKind = 25
	wordCentury     wordKind = 26
	wordMillennium  wordKind = 27
	wordDaylightMod wordKind = 28
	wordUnknown     wordKind = 31
)

// fieldMask is a set of wordKinds.
type fieldMask uint32

func mask(kinds ...wordKind) (m fieldMask) {
	for _, k := range kinds {
		m |= 1 << k
	}
	return m
}

var (
	dateMask    = mask(wordYear, wordMonth, wordDay)
	timeMask    = mask(wordHour, wordMinute) | secondsMask
	secondsMask = mask(wordSecond, wordMillisecond, wordMicrosecond)
)

// Values of wordReserved, wordUnits, wordAMPM and wordADBC.
const (
	valEarly = iota + 1
	valLate
	valEpoch
	valNow
	valYesterday
	valToday
	valTomorrow
	valZulu
	valAM
	valPM
	valAD
	valBC
	valTime
	valJulian
	valOther // a unit that no date may have
)

// word is an entry of a table.
type word struct {
	kind  wordKind
	value int
}

// maxWord is how much of a word counts.
const maxWord = 10

func cutWord(s string) string { return s[:min(len(s), maxWord)] }

// dateWord looks a word of dates up.
func dateWord(s string) (word, bool) {
	w, ok := dateWords[cutWord(s)]
	return w, ok
}

// unitWord looks a word of intervals up.
func unitWord(s string) (word, bool) {
	w, ok := unitWords[cutWord(s)]
	return w, ok
}

var dateWords = map[string]word{
	"+infinity": {wordReserved, valLate},
	"-infinity": {wordReserved, valEarly},
	"ad":        {wordADBC, valAD},
	"allballs":  {wordReserved, valZulu},
	"am":        {wordAMPM, valAM},
	"apr":       {wordMonth, 4},
	"april":     {wordMonth, 4},
	"at":        {wordIgnored, 0},
	"aug":       {wordMonth, 8},
	"august":    {wordMonth, 8},
	"bc":        {wordADBC, valBC},
	"d":         {wordUnits, valOther},
	"dec":       {wordMonth, 12},
	"december":  {wordMonth, 12},
	"dow":       {wordUnits, valOther},
	"doy":       {wordUnits, valOther},
	"dst":       {wordDaylightMod, 3600},
	"epoch":     {wordReserved, valEpoch},
	"feb":       {wordMonth, 2},
	"february":  {wordMonth, 2},
	"fri":       {wordWeekday, 5},
	"friday":    {wordWeekday, 5},
	"h":         {wordUnits, valOther},
	"infinity":  {wordReserved, valLate},
	"isodow":    {wordUnits, valOther},
	"isoyear":   {wordUnits, valOther},
	"j":         {wordUnits, valJulian},
	"jan":       {wordMonth, 1},
	"january":   {wordMonth, 1},
	"jd":        {wordUnits, valJulian},
	"jul":       {wordMonth, 7},
	"julian":    {wordUnits, valJulian},
	"july":      {wordMonth, 7},
	"jun":       {wordMonth, 6},
	"june":      {wordMonth, 6},
	"m":         {wordUnits, valOther},
	"mar":       {wordMonth, 3},
	"march":     {wordMonth, 3},
	"may":       {wordMonth, 5},
	"mm":        {wordUnits, valOther},
	"mon":       {wordWeekday, 1},
	"monday":    {wordWeekday, 1},
	"nov":       {wordMonth, 11},
	"november":  {wordMonth, 11},
	"now":       {wordReserved, valNow},
	"oct":       {wordMonth, 10},
	"october":   {wordMonth, 10},
	"on":        {wordIgnored, 0},
	"pm":        {wordAMPM, valPM},
	"s":         {wordUnits, valOther},
	"sat":       {wordWeekday, 6},
	"saturday":  {wordWeekday, 6},
	"sep":       {wordMonth, 9},
	"sept":      {wordMonth, 9},
	"september": {wordMonth, 9},
	"sun":       {wordWeekday, 0},
	"sunday":    {wordWeekday, 0},
	"t":         {wordISOTime, valTime},
	"thu":       {wordWeekday, 4},
	"thur":      {wordWeekday, 4},
	"thurs":     {wordWeekday, 4},
	"thursday":  {wordWeekday, 4},
	"today":     {wordReserved, valToday},
	"tomorrow":  {wordReserved, valTomorrow},
	"tue":       {wordWeekday, 2},
	"tues":      {wordWeekday, 2},
	"tuesday":   {wordWeekday, 2},
	"wed":       {wordWeekday, 3},
	"wednesday": {wordWeekday, 3},
	"weds":      {wordWeekday, 3},
	"y":         {wordUnits, valOther},
	"yesterday": {wordReserved, valYesterday},
}

// unitWords are the words of intervals; the value of a unit is a wordKind.
var unitWords = map[string]word{
	"@":          {wordIgnored, 0},
	"ago":        {wordAgo, 0},
	"c":          {wordUnits, int(wordCentury)},
	"cent":       {wordUnits, int(wordCentury)},
	"centuries":  {wordUnits, int(wordCentury)},
	"century":    {wordUnits, int(wordCentury)},
	"d":          {wordUnits, int(wordDay)},
	"day":        {wordUnits, int(wordDay)},
	"days":       {wordUnits, int(wordDay)},
	"dec":        {wordUnits, int(wordDecade)},
	"decade":     {wordUnits, int(wordDecade)},
	"decades":    {wordUnits, int(wordDecade)},
	"decs":       {wordUnits, int(wordDecade)},
	"h":          {wordUnits, int(wordHour)},
	"hour":       {wordUnits, int(wordHour)},
	"hours":      {wordUnits, int(wordHour)},
	"hr":         {wordUnits, int(wordHour)},
	"hrs":        {wordUnits, int(wordHour)},
	"m":          {wordUnits, int(wordMinute)},
	"microsecon": {wordUnits, int(wordMicrosecond)},
	"mil":        {wordUnits, int(wordMillennium)},
	"millennia":  {wordUnits, int(wordMillennium)},
	"millennium": {wordUnits, int(wordMillennium)},
	"millisecon": {wordUnits, int(wordMillisecond)},
	"mils":       {wordUnits, int(wordMillennium)},
	"min":        {wordUnits, int(wordMinute)},
	"mins":       {wordUnits, int(wordMinute)},
	"minute":     {wordUnits, int(wordMinute)},
	"minutes":    {wordUnits, int(wordMinute)},
	"mon":        {wordUnits, int(wordMonth)},
	"mons":       {wordUnits, int(wordMonth)},
	"month":      {wordUnits, int(wordMonth)},
	"months":     {wordUnits, int(wordMonth)},
	"ms":         {wordUnits, int(wordMillisecond)},
	"msec":       {wordUnits, int(wordMillisecond)},
	"mseconds":   {wordUnits, int(wordMillisecond)},
	"msecond":    {wordUnits, int(wordMillisecond)},
	"usecond":    {wordUnits, int(wordMicrosecond)},
	"msecs":      {wordUnits, int(wordMillisecond)},
	"qtr":        {wordUnits, int(wordUnknown)}, // a unit to date_part only
	"quarter":    {wordUnits, int(wordUnknown)},
	"s":          {wordUnits, int(wordSecond)},
	"sec":        {wordUnits, int(wordSecond)},
	"second":     {wordUnits, int(wordSecond)},
	"seconds":    {wordUnits, int(wordSecond)},
	"secs":       {wordUnits, int(wordSecond)},
	"timezone":   {wordUnits, int(wordUnknown)},
	"timezone_h": {wordUnits, int(wordUnknown)},
	"timezone_m": {wordUnits, int(wordUnknown)},
	"us":         {wordUnits, int(wordMicrosecond)},
	"usec":       {wordUnits, int(wordMicrosecond)},
	"useconds":   {wordUnits, int(wordMicrosecond)},
	"usecs":      {wordUnits, int(wordMicrosecond)},
	"w":          {wordUnits, int(wordWeek)},
	"week":       {wordUnits, int(wordWeek)},
	"weeks":      {wordUnits, int(wordWeek)},
	"y":          {wordUnits, int(wordYear)},
	"year":       {wordUnits, int(wordYear)},
	"years":      {wordUnits, int(wordYear)},
	"yr":         {wordUnits, int(wordYear)},
	"yrs":        {wordUnits, int(wordYear)},
}
