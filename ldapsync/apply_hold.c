/* Events of sources → replica: the guard, and what it tells of a refresh that it holds. */
#include <string.h>

#include "ldapsync/apply_private.h"

enum { EXAMPLES_TOPOLOGY = 5 };

static bool is_too_much(uint64_t dropped, uint64_t total, unsigned percent)
{
	return dropped > APPLY_HANDFUL && dropped * 100 > total * percent;
}

/* A name that is too long ends in "…", between two characters. */
static void add_example(struct apply_hold *hold, const char *dn)
{
	static const char more[] = "…";
	char *example = hold->examples[hold->n_examples++];
	size_t len = strlen(dn);

	if (len < APPLY_EXAMPLE_SIZE) {
		memcpy(example, dn, len + 1);
		return;
	}
	len = APPLY_EXAMPLE_SIZE - sizeof(more);
	while (len > 0 && ((unsigned char)dn[len] & 0xc0) == 0x80)
		len--;
	memcpy(example, dn, len);
	memcpy(example + len, more, sizeof(more));
}

/* Up to MAX names of what goes: of the topology, or of all else. */
static void add_examples(struct apply *apply, struct apply_hold *hold,
			 const struct replica_sweep *sweep, bool is_topology, unsigned max)
{
	const struct replica_store *store = replica_writer_store(apply->current);
	MDB_txn *txn = replica_writer_txn(apply->current);

	for (size_t i = 0; i < sweep->n_gone && hold->n_examples < max; i++) {
		struct replica_record record;
		char *dn;

		if (replica_store_by_uuid(store, txn, &sweep->gone[i], &record, NULL) != 1 ||
		    (record.entry != NULL) != is_topology)
			continue;
		dn = replica_store_dn(store, txn, NULL, &record, false, NULL);
		if (dn != NULL)
			add_example(hold, dn);
		talloc_free(dn);
	}
}

/* What cannot be read is no example. */
static void find_examples(struct apply *apply, struct apply_hold *hold,
			  const struct replica_sweep *sweep)
{
	bool was_open = replica_writer_is_open(apply->current);

	if (!was_open && replica_writer_begin(apply->current, NULL) < 0)
		return;
	if (sweep->dropped.topology > 0)
		add_examples(apply, hold, sweep, true, EXAMPLES_TOPOLOGY);
	add_examples(apply, hold, sweep, false, APPLY_EXAMPLES);
	if (!was_open)
		replica_writer_abort(apply->current);
}

/* What SWEEP would leave of the directory. */
static struct replica_counts what_is_left(struct apply *apply, const struct directory *d,
					  const struct replica_sweep *sweep)
{
	struct replica_counts left;

	if (d->rebuilding)
		return replica_writer_state(apply->building)->counts;
	left = replica_writer_tally(apply->current, d->number)->counts;
	left.recipients -= sweep->dropped.recipients;
	left.topology -= sweep->dropped.topology;
	return left;
}

/* A handful may go, but not if nobody is left: that is an empty answer more often than an empty
 * organisation. With 100 percent the administrator wants no guard. */
static bool is_all(uint64_t dropped, uint64_t left, unsigned percent)
{
	return dropped > 0 && left == 0 && percent < 100;
}

bool apply_guard_holds(struct apply *apply, struct directory *d,
		       const struct replica_sweep *sweep)
{
	const struct replica_counts *of = &d->before, *gone = &sweep->dropped;
	const struct replica_counts left = what_is_left(apply, d, sweep);
	unsigned percent = d->config->guard_percent;
	struct apply_hold *hold = &d->hold;

	if (!apply->is_published || (!is_too_much(gone->recipients, of->recipients, percent) &&
				     !is_too_much(gone->topology, of->topology, percent) &&
				     !is_all(gone->recipients, left.recipients, percent) &&
				     !is_all(gone->topology, left.topology, percent)))
		return false;
	*hold = (struct apply_hold){ .since_wall_ms = apply->now_ms, .dropped = *gone, .of = *of };
	find_examples(apply, hold, sweep);
	err_set(&hold->why, ERR_DIRECTORY, 0,
		"directory %s: a refresh would drop %llu of %llu recipients and %llu of %llu "
		"configuration objects (sweep_guard_percent is %u)",
		d->config->title, (unsigned long long)gone->recipients,
		(unsigned long long)of->recipients, (unsigned long long)gone->topology,
		(unsigned long long)of->topology, percent);
	err_remedy(&hold->why, "if that is meant: waypost sync accept; if not, mend the directory, "
			       "then: waypost sync refuse");
	return true;
}
