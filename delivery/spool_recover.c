/* Opening the log. */
#include "delivery/spool_recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "delivery/body_files.h"
#include "delivery/spool_scan.h"
#include "delivery/spool_sidecar.h"

/* A message seen while reading; the same one again after each MOVE. */
struct seen {
	uint64_t id;
	uint64_t arrival_ms;
	uint64_t stored_size;
};

struct recovery {
	struct spool_log *log;
	const struct spool_options *options;
	const struct spool_events *events;
	struct err *e;
	uint32_t *number; /* of the segment files, ascending */
	size_t numbers;
	size_t first; /* index of the oldest that matters */
	size_t last;  /* index of the last with records */
	uint32_t last_commit;
	uint32_t damages;
	struct seen *seen;
	size_t seen_count;
	size_t seen_cap;
};

void spool_quarantine(int spool_dir, int dir, const char *name, const char *as)
{
	char to[64];

	if (mkdirat(spool_dir, "quarantine", 0700) < 0 && errno != EEXIST)
		return;
	snprintf(to, sizeof(to), "quarantine/%s", as);
	(void)linkat(dir, name, spool_dir, to, 0);
}

static void tell_damage(struct recovery *r, uint32_t segment, uint64_t offset, uint64_t bytes,
			uint64_t id)
{
	struct spool_damage damage = { segment, offset, bytes, id };
	char name[SEGMENT_NAME_MAX];

	r->damages++;
	segment_name(segment, "log", name);
	spool_quarantine(r->log->dir, r->log->dir, name, name);
	if (r->events->on_damage != NULL)
		r->events->on_damage(r->events->arg, &damage);
}

/* --- 1. which segments there are --- */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool parse_segment_name(const char *name, uint32_t *number_r)
{
	char again[SEGMENT_NAME_MAX];

	if (sscanf(name, "%8" SCNx32, number_r) != 1)
		return false;
	segment_name(*number_r, "log", again);
	return strcmp(name, again) == 0;
}

static int list_segments(struct recovery *r)
{
	int fd = openat(r->log->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	uint32_t number;

	if (dir == NULL)
		return err_errno(r->e, "cannot list the spool");
	while ((entry = readdir(dir)) != NULL) {
		if (!parse_segment_name(entry->d_name, &number))
			continue;
		r->number = mem_grow(r->number, (r->numbers + 1) * sizeof(*r->number));
		r->number[r->numbers++] = number;
	}
	closedir(dir);
	if (r->numbers > 0)
		qsort(r->number, r->numbers, sizeof(*r->number), by_number);
	return 0;
}

/* --- 2. where the log begins and ends, by the first two records of each --- */

struct beginning {
	bool has_head;
	bool has_records;
	struct spool_head head;
};

/* -1 only for a format that this program does not know. */
static int read_beginning(struct recovery *r, uint32_t number, struct beginning *b_r)
{
	char data[SPOOL_HEAD_MAX + SPOOL_HEADER_BYTES] = { 0 }, name[SEGMENT_NAME_MAX];
	struct spool_header header;
	uint64_t next;
	ssize_t got;
	int fd;

	memset(b_r, 0, sizeof(*b_r));
	segment_name(number, "log", name);
	fd = openat(r->log->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(r->e, "cannot open the spool's segment %s", name);
	got = r->log->files->pread(fd, data, sizeof(data), 0);
	close(fd);
	if (got < 0 || spool_record_check(data, (size_t)got, spool_seed(0, number), &header) !=
			       SPOOL_CHECK_GOOD)
		return 0;
	if (header.type != SPOOL_HEAD || spool_read_head(data + SPOOL_HEADER_BYTES, header.length,
							 &b_r->head, r->e) < 0)
		return 0;
	b_r->has_head = true;
	next = spool_record_size(header.length);
	b_r->has_records = next + SPOOL_HEADER_BYTES <= (uint64_t)got &&
			   spool_header_check(data + next, spool_seed(b_r->head.key, number),
					      &header);
	return 0;
}

static int refuse_version(struct recovery *r, uint32_t version)
{
	err_set(r->e, ERR_STORE, 0,
		"the spool has format version %u; this program knows version %d", version,
		SPOOL_FORMAT_VERSION);
	return err_remedy(r->e, "run the version of waypost that wrote it");
}

static int find_ends(struct recovery *r)
{
	for (size_t i = 0; i < r->numbers; i++) {
		struct beginning b;

		if (read_beginning(r, r->number[i], &b) < 0)
			return -1;
		if (b.has_head && b.head.version != SPOOL_FORMAT_VERSION)
			return refuse_version(r, b.head.version);
		if (b.has_head && b.head.oldest > r->log->head)
			r->log->head = b.head.oldest;
		if (b.has_head) {
			r->log->key = b.head.key;
			r->log->next_id = b.head.next_id > r->log->next_id ? b.head.next_id
									   : r->log->next_id;
		}
		if (b.has_records)
			r->last = i;
	}
	if (r->numbers > 0 && r->log->head > r->number[r->numbers - 1])
		return err_set(r->e, ERR_STORE, 0, "the newest segments of the spool are missing");
	while (r->first < r->numbers && r->number[r->first] < r->log->head)
		r->first++;
	if (r->last < r->first)
		r->last = r->first;
	return 0;
}

/* --- 3. reading --- */

static void remember(struct recovery *r, const struct spool_header *header, const void *payload,
		     size_t len)
{
	struct spool_message message;

	if (!spool_type_is_message(header->type) ||
	    spool_read_message(payload, len, &message, NULL) < 0)
		return;
	if (r->seen_count == r->seen_cap) {
		r->seen_cap = r->seen_cap ? r->seen_cap * 2 : 1024;
		r->seen = mem_grow(r->seen, r->seen_cap * sizeof(*r->seen));
	}
	r->seen[r->seen_count++] =
		(struct seen){ header->id, message.arrival_ms, message.stored_size };
}

static int take_record(struct recovery *r, struct segment *segment, uint32_t offset,
		       const struct spool_header *header, const void *payload, size_t len)
{
	enum spool_applied applied;

	if ((int32_t)(header->commit - r->last_commit) > 0)
		r->last_commit = header->commit;
	remember(r, header, payload, len);
	return spool_log_apply(r->log, segment, offset, header, payload, len, &applied, r->e);
}

static int take_sidecar(struct recovery *r, struct segment *segment, const struct buf *gists)
{
	struct sidecar_item item;
	size_t at = 0;

	while (sidecar_next(gists, &at, &item))
		if (take_record(r, segment, item.offset, &item.header, item.gist, item.gist_len) < 0)
			return -1;
	return 0;
}

/* LEN octets of the payload are right. SEGMENT ends here, unless more of it counts. */
static int take_scanned(struct recovery *r, struct segment *segment,
			const struct spool_scanned *record, size_t len)
{
	segment->size = record->offset + (uint32_t)spool_record_size(record->header.length);
	sidecar_add(&segment->gists, record->offset, &record->header, record->payload);
	return take_record(r, segment, record->offset, &record->header, record->payload, len);
}

/*
 * At a bad record. In the last segment it ends the log (0), unless what follows proves that it
 * was durable once; damage is told of and stepped over (1). A message counts if only its body is
 * damaged: who reads it back finds that out, and can tell the sender.
 */
static int step_over(struct recovery *r, struct segment *segment, struct spool_scan *scan,
		     bool is_last)
{
	uint32_t from = scan->at;
	struct spool_scanned record;
	bool has_front;
	uint64_t id;

	if (is_last && !spool_scan_has_later(scan, r->last_commit))
		return 0;
	has_front = spool_scan_front(scan, &record);
	spool_scan_resync(scan, &id);
	tell_damage(r, scan->number, from, scan->at - from, id);
	if (has_front &&
	    take_scanned(r, segment, &record,
			 spool_record_gist(&record.header, record.payload)) < 0)
		return -1;
	return 1;
}

/* SEGMENT's size becomes the end of its last record that counts. */
static int take_scan(struct recovery *r, struct segment *segment, bool is_last)
{
	struct spool_scanned record;
	struct spool_scan scan;
	int got, result = 1;

	spool_scan_open(&scan, r->log->files, segment->fd, segment->number, segment->size,
			r->log->key);
	segment->size = 0;
	while (result > 0 && (got = spool_scan_next(&scan, &record)) != 0) {
		if (got < 0)
			result = step_over(r, segment, &scan, is_last);
		else if (take_scanned(r, segment, &record, record.header.length) < 0)
			result = -1;
	}
	spool_scan_close(&scan);
	return result < 0 ? -1 : 0;
}

static int take_segment(struct recovery *r, uint32_t number, bool is_last)
{
	struct buf gists = { 0 };
	struct segment *segment;
	int result;

	if (segment_open(r->log, number, &segment, r->e) < 0)
		return -1;
	spool_log_add(r->log, segment);
	if (!r->options->ignore_sidecars && sidecar_load(r->log, segment, &gists)) {
		result = take_sidecar(r, segment, &gists);
		buf_free(&gists);
		return result;
	}
	r->log->log_bytes -= segment->size;
	result = take_scan(r, segment, is_last);
	r->log->log_bytes += segment->size;
	return result;
}

/* Prepared segments have nothing but their HEAD, at most a torn first group. */
static int look_behind(struct recovery *r, uint32_t number)
{
	struct spool_scanned record;
	struct spool_scan scan;
	struct segment *segment;

	if (segment_open(r->log, number, &segment, r->e) < 0)
		return -1;
	spool_scan_open(&scan, r->log->files, segment->fd, number, segment->size, r->log->key);
	while (spool_scan_next(&scan, &record) > 0)
		;
	if (spool_scan_has_later(&scan, r->last_commit))
		tell_damage(r, number, scan.at, scan.len - scan.at, 0);
	spool_scan_close(&scan);
	segment_unref(r->log, segment);
	return 0;
}

static int read_segments(struct recovery *r)
{
	for (size_t i = r->first; i < r->numbers; i++) {
		bool is_read = i <= r->last;

		if (is_read && take_segment(r, r->number[i], i == r->last) < 0)
			return -1;
		if (!is_read && look_behind(r, r->number[i]) < 0)
			return -1;
	}
	return 0;
}

/* --- 4. what must not be --- */

/*
 * A later HEAD may have shown that segments below it no longer count: an entry that lies there
 * was DONE in a segment that is gone already.
 */
static void drop_ghosts(struct recovery *r)
{
	for (size_t i = 0; i < r->seen_count; i++) {
		struct spool_entry *entry = spool_index_find(&r->log->index, r->seen[i].id);

		if (entry != NULL && entry->segment < r->log->head)
			spool_log_forget(r->log, entry);
	}
}

static void find_gaps(struct recovery *r)
{
	uint32_t number = r->log->head;

	if (r->numbers == 0 || number == 0)
		return;
	for (; number < r->number[r->last]; number++)
		if (spool_log_find(r->log, number) == NULL)
			tell_damage(r, number, 0, 0, 0);
}

static int refuse_damage(struct recovery *r)
{
	if (r->damages == 0 || r->options->accept_damage)
		return 0;
	err_set(r->e, ERR_STORE, 0, "the spool is damaged in %u places; copies are in quarantine/",
		r->damages);
	return err_remedy(r->e, "restore the disk, or make a file accept-damage in the spool and "
				"start again: all readable messages are kept");
}

/* --- 5. from here on the disk changes --- */

/* Invariant 3: sealed at the last good byte, synced. */
static int seal_tail(struct recovery *r)
{
	struct segment *tail = spool_log_find(r->log, r->number[r->last]);

	if (r->log->files->ftruncate(tail->fd, tail->size) < 0 || r->log->files->fsync(tail->fd) < 0)
		return err_errno(r->e, "cannot seal the spool's last segment");
	tail->is_sealed = true;
	return 0;
}

static void write_sidecars(struct recovery *r)
{
	for (uint32_t i = 0; i < r->log->segments; i++) {
		struct segment *segment = r->log->segment[i];

		if (segment == NULL || segment->gists.len == 0)
			continue;
		sidecar_write(r->log, segment);
		buf_free(&segment->gists);
	}
}

static void remove_idle(struct recovery *r)
{
	for (size_t i = 0; i < r->numbers; i++)
		if (i < r->first || i > r->last)
			segment_unlink(r->log, r->number[i]);
	while (r->log->segments > 0 && r->log->oldest < r->log->head) {
		uint32_t number = r->log->oldest;
		struct segment *segment = spool_log_shift(r->log);

		if (segment == NULL)
			continue;
		segment_unref(r->log, segment);
		segment_unlink(r->log, number);
	}
}

static int change_disk(struct recovery *r, int body_dir)
{
	if (r->numbers > 0) {
		if (seal_tail(r) < 0)
			return -1;
		write_sidecars(r);
		remove_idle(r);
	}
	body_files_sweep(body_dir, &r->log->index);
	return 0;
}

/* --- 6. telling --- */

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct seen *)a)->id, y = ((const struct seen *)b)->id;

	return x < y ? -1 : x > y;
}

static void tell_messages(struct recovery *r)
{
	if (r->events->on_message == NULL || r->seen_count == 0)
		return;
	qsort(r->seen, r->seen_count, sizeof(*r->seen), by_id);
	for (size_t i = 0; i < r->seen_count; i++) {
		const struct seen *seen = &r->seen[i];
		const struct spool_entry *entry = spool_index_find(&r->log->index, seen->id);
		struct spool_summary summary = {
			.id = seen->id,
			.arrival_ms = seen->arrival_ms,
			.stored_size = seen->stored_size,
		};

		if (entry == NULL || (i > 0 && seen[-1].id == seen->id))
			continue;
		spool_entry_summary(entry, &summary);
		r->events->on_message(r->events->arg, &summary);
	}
}

static int recover_all(struct recovery *r, int body_dir)
{
	if (list_segments(r) < 0 || find_ends(r) < 0 || read_segments(r) < 0)
		return -1;
	drop_ghosts(r);
	find_gaps(r);
	if (refuse_damage(r) < 0 || change_disk(r, body_dir) < 0)
		return -1;
	tell_messages(r);
	return 0;
}

int spool_recover(struct spool_log *log, int body_dir, const struct spool_options *options,
		  const struct spool_events *events, struct spool_recovered *recovered_r,
		  struct err *e)
{
	struct recovery r = { .log = log, .options = options, .events = events, .e = e };
	int result = recover_all(&r, body_dir);

	*recovered_r = (struct spool_recovered){
		.last_segment = r.numbers > 0 ? r.number[r.last] : 0,
		.last_commit = r.last_commit,
		.damages = r.damages,
	};
	free(r.number);
	free(r.seen);
	return result;
}
