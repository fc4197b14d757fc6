/* The replica as a source of recipients. */
#include "common/replica_recipients.h"

#include <string.h>

enum { CANDIDATES_MAX = 16 };

static bool bears_address(const struct recipient *recipient, const char *address)
{
	const char *at = recipient->addresses.first;

	for (uint32_t i = 0; i < recipient->addresses.count; i++, at = recipient_next(at))
		if (strcmp(at, address) == 0)
			return true;
	return false;
}

static int decode(const struct replica_record *record, struct recipient *view_r, struct err *err)
{
	return recipient_decode(record->recipient, record->recipient_len, view_r, err);
}

static int by_address(void *ctx, const char *address, struct recipient *list, int max,
		      struct err *err)
{
	struct replica_reader *reader = ctx;
	struct replica_record records[CANDIDATES_MAX];
	int n = 0, candidates = replica_by_address(reader, address, records, CANDIDATES_MAX, err);

	if (candidates < 0)
		return -1;
	for (int i = 0; i < candidates && n < max; i++) {
		if (records[i].recipient == NULL)
			continue;
		if (decode(&records[i], &list[n], err) < 0)
			return -1;
		if (bears_address(&list[n], address))
			n++;
	}
	return n;
}

static int by_dn(void *ctx, const char *dn_key, struct recipient *recipient_r, struct err *err)
{
	struct replica_reader *reader = ctx;
	struct replica_record record;
	int rc = replica_by_dn(reader, dn_key, &record, err);

	if (rc != 1 || record.recipient == NULL)
		return rc < 0 ? -1 : 0;
	return decode(&record, recipient_r, err) < 0 ? -1 : 1;
}

struct recipient_source replica_recipient_source(struct replica_reader *reader)
{
	return (struct recipient_source){ by_address, by_dn, reader };
}

/* Hands records on as views. */
struct hand_on {
	bool (*fn)(void *arg, const struct recipient *recipient);
	void *arg;
	struct err *err;
	bool failed;
};

static bool hand_on(void *arg, const struct replica_record *record)
{
	struct hand_on *to = arg;
	struct recipient view;

	to->failed = decode(record, &view, to->err) < 0;
	return !to->failed && to->fn(to->arg, &view);
}

int replica_recipients_each(void *ctx, bool (*fn)(void *arg, const struct recipient *recipient),
			    void *arg, struct err *err)
{
	struct hand_on to = { fn, arg, err, false };

	if (replica_each_recipient(ctx, hand_on, &to, err) < 0)
		return -1;
	return to.failed ? -1 : 0;
}
