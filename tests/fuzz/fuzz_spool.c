/*
 * What the spool reads from its own disk, under arbitrary octets: the input is taken as an
 * envelope, as a segment, and as a row of records (type, id, length, payload) for the index. What
 * was understood has to be written the same again, and the index has to add up.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/buf.h"
#include "delivery/envelope.h"
#include "delivery/spool_log.h"
#include "delivery/spool_scan.h"

static void read_envelope(const uint8_t *data, size_t size)
{
	struct envelope *env, *again;
	struct buf once = { 0 }, twice = { 0 };
	struct err e;

	if (envelope_decode(data, size, &env, &e) < 0)
		return;
	envelope_encode(env, &once);
	FUZZ_PROMISE(envelope_decode(once.data, once.len, &again, &e) == 0);
	envelope_encode(again, &twice);
	FUZZ_PROMISE(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	envelope_unref(env);
	envelope_unref(again);
	buf_free(&once);
	buf_free(&twice);
}

static void read_segment(const uint8_t *data, size_t size)
{
	struct spool_scan scan = { .data = (const char *)data, .len = (uint32_t)size, .number = 1 };
	struct spool_scanned record;
	uint64_t id;
	int got;

	while ((got = spool_scan_next(&scan, &record)) != 0) {
		uint32_t before = scan.at;

		if (got > 0)
			continue;
		(void)spool_scan_has_later(&scan, 1);
		spool_scan_resync(&scan, &id);
		FUZZ_PROMISE(scan.at > before && scan.at <= scan.len);
	}
}

static void add_up(const struct spool_log *log, const struct segment *segment)
{
	uint64_t bytes = 0, count = 0;

	for (uint64_t i = 0; i < log->index.slots; i++) {
		bytes += log->index.slot[i].bytes;
		count += log->index.slot[i].id != 0;
	}
	FUZZ_PROMISE(count == log->index.count && count == segment->live);
	FUZZ_PROMISE(bytes == log->live_bytes && bytes == segment->live_bytes);
}

static void apply_records(const uint8_t *data, size_t size)
{
	struct segment *segment = mem_zero(1, sizeof(*segment));
	struct spool_log log;
	uint32_t offset = 0;

	segment->number = segment->users = 1;
	segment->fd = -1;
	spool_log_init(&log, &spool_files_system, -1, 1u << 20);
	spool_log_add(&log, segment);
	while (size >= 3 && size - 3 >= data[2]) {
		struct spool_header header = {
			.type = data[0],
			.flags = data[0] >> 7,
			.id = data[1],
			.length = data[2],
		};
		enum spool_applied applied;
		struct err e;

		FUZZ_PROMISE(spool_record_gist(&header, data + 3) <= header.length);
		if (header.id != 0 && spool_log_apply(&log, segment, offset, &header, data + 3,
						      header.length, &applied, &e) < 0)
			FUZZ_PROMISE(e.domain == ERR_STORE);
		add_up(&log, segment);
		offset += (uint32_t)spool_record_size(header.length);
		size -= 3u + data[2];
		data += 3u + data[2];
	}
	spool_log_fini(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		read_envelope(data + 1, size - 1);
		break;
	case 1:
		read_segment(data + 1, size - 1);
		break;
	case 2:
		apply_records(data + 1, size - 1);
		break;
	}
	return 0;
}
