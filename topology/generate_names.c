/* Names of the generator: where sites are, and who works there. Pure. */
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "topology/generate_private.h"

/* The first twelve are the centres, spread over the world; the others follow likewise. */
static const struct city {
	const char *name, *code;
	int16_t lat, lon; /* degrees */
} cities[CITIES_MAX] = {
	{ "Frankfurt", "FRA", 50, 9 }, { "New York", "NYC", 41, -74 },
	{ "Singapore", "SIN", 1, 104 }, { "London", "LON", 52, 0 },
	{ "São Paulo", "SAO", -24, -47 }, { "Tokyo", "TYO", 36, 140 },
	{ "Johannesburg", "JNB", -26, 28 }, { "Chicago", "CHI", 42, -88 },
	{ "Dubai", "DXB", 25, 55 }, { "Sydney", "SYD", -34, 151 },
	{ "Mumbai", "BOM", 19, 73 }, { "San Francisco", "SFO", 38, -122 },
	{ "Lyon", "LYS", 46, 5 }, { "Oslo", "OSL", 60, 11 }, { "Boston", "BOS", 42, -71 },
	{ "Osaka", "OSA", 35, 136 }, { "Zürich", "ZRH", 47, 9 }, { "Madrid", "MAD", 40, -4 },
	{ "Toronto", "YTO", 44, -79 }, { "Seoul", "SEL", 38, 127 },
	{ "Milan", "MIL", 45, 9 }, { "Vienna", "VIE", 48, 16 }, { "Dallas", "DFW", 33, -97 },
	{ "Hong Kong", "HKG", 22, 114 }, { "Warsaw", "WAW", 52, 21 },
	{ "Stockholm", "STO", 59, 18 }, { "Denver", "DEN", 40, -105 },
	{ "Shanghai", "SHA", 31, 121 }, { "Prague", "PRG", 50, 14 },
	{ "Lisbon", "LIS", 39, -9 }, { "Atlanta", "ATL", 34, -84 },
	{ "Bangkok", "BKK", 14, 101 }, { "Dublin", "DUB", 53, -6 },
	{ "Brussels", "BRU", 51, 4 }, { "Seattle", "SEA", 48, -122 },
	{ "Jakarta", "JKT", -6, 107 }, { "Hamburg", "HAM", 54, 10 },
	{ "Amsterdam", "AMS", 52, 5 }, { "Miami", "MIA", 26, -80 },
	{ "Manila", "MNL", 15, 121 }, { "Copenhagen", "CPH", 56, 13 },
	{ "Helsinki", "HEL", 60, 25 }, { "Houston", "HOU", 30, -95 },
	{ "Melbourne", "MEL", -38, 145 }, { "Athens", "ATH", 38, 24 },
	{ "Budapest", "BUD", 47, 19 }, { "Mexico City", "MEX", 19, -99 },
	{ "Auckland", "AKL", -37, 175 }, { "Rome", "ROM", 42, 12 },
	{ "Istanbul", "IST", 41, 29 }, { "Phoenix", "PHX", 33, -112 },
	{ "Perth", "PER", -32, 116 }, { "Munich", "MUC", 48, 12 },
	{ "Leeds", "LBA", 54, -2 }, { "Montréal", "YMQ", 46, -74 },
	{ "Chennai", "MAA", 13, 80 }, { "Geneva", "GVA", 46, 6 },
	{ "Bucharest", "BUH", 44, 26 }, { "Bogotá", "BOG", 5, -74 },
	{ "Delhi", "DEL", 29, 77 }, { "Porto", "OPO", 41, -9 }, { "Cairo", "CAI", 30, 31 },
	{ "Buenos Aires", "BUE", -35, -58 }, { "Taipei", "TPE", 25, 122 },
	{ "Riga", "RIX", 57, 24 }, { "Nairobi", "NBO", -1, 37 }, { "Lima", "LIM", -12, -77 },
	{ "Bergen", "BGO", 60, 5 }, { "Lagos", "LOS", 6, 3 }, { "Santiago", "SCL", -33, -71 },
	{ "Turin", "TRN", 45, 8 }, { "Cape Town", "CPT", -34, 18 },
};

static const char *const first_names[] = {
	"Anna", "Ben", "Clara", "David", "Elena", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Karin",
	"Louis", "Maria", "Noah", "Olga", "Paul", "Rosa", "Simon", "Tara", "Victor", "Wendy", "Yuki",
	"Zoe", "Amir", "Bea", "Chen", "Dora", "Emil", "Frida", "Gita", "Hana", "Ivan",
};
static const char *const last_names[] = {
	"Berg", "Costa", "Dahl", "Evans", "Fischer", "Garcia", "Holm", "Ito", "Jensen", "Keller",
	"Lopez", "Meyer", "Nowak", "Olsen", "Patel", "Quinn", "Rossi", "Silva", "Tanaka", "Ueda",
	"Vogel", "Weber", "Xu", "Young", "Zhang", "Ahmed", "Brown", "Clark", "Dubois", "Ek", "Ferrari",
	"Gruber", "Hansen", "Ivanov", "Jones", "Kim", "Laine", "Moreau", "Novak", "Okafor", "Petit",
	"Roth", "Sato", "Torres", "Urban", "Varga", "Wong", "Yilmaz",
};

/* TEXT, and its number where it is not the first of its name. */
static void numbered(const char *text, const char *between, uint32_t n, char *out)
{
	if (n == 0)
		snprintf(out, GENERATE_NAME_SIZE, "%s", text);
	else
		snprintf(out, GENERATE_NAME_SIZE, "%.64s%.1s%u", text, between, n + 1);
}

void generate_site_name(uint32_t i, char name[static GENERATE_NAME_SIZE])
{
	numbered(cities[i % CITIES_MAX].name, " ", i / CITIES_MAX, name);
}

void generate_site_code(uint32_t i, char code[static GENERATE_NAME_SIZE])
{
	numbered(cities[i % CITIES_MAX].code, "", i / CITIES_MAX, code);
}

/* On a plane: a degree is 111 km to the north and, halfway to the pole, 80 km to the east. */
uint64_t generate_distance(uint32_t a, uint32_t b)
{
	const struct city *x = &cities[a % CITIES_MAX], *y = &cities[b % CITIES_MAX];
	int64_t north = (int64_t)(x->lat - y->lat) * 111, degrees = x->lon - y->lon, east;

	if (degrees < 0)
		degrees = -degrees;
	east = (degrees > 180 ? 360 - degrees : degrees) * 80;
	return (uint64_t)(north * north + east * east);
}

void generate_person(uint32_t i, const char **first_r, const char **last_r,
		     char local[static GENERATE_NAME_SIZE])
{
	uint32_t firsts = WP_COUNT(first_names), lasts = WP_COUNT(last_names);
	char both[GENERATE_NAME_SIZE];

	*first_r = first_names[i % firsts];
	*last_r = last_names[i / firsts % lasts];
	snprintf(both, sizeof(both), "%s.%s", *first_r, *last_r);
	numbered(both, "", i / firsts / lasts, local);
	for (char *at = local; *at != '\0'; at++)
		*at = ascii_lower(*at);
}
