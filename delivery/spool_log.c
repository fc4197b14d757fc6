/* The segments of the log and the index over them. */
#include "delivery/spool_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void spool_log_init(struct spool_log *log, const struct spool_files *files, int dir,
		    uint32_t segment_bytes)
{
	memset(log, 0, sizeof(*log));
	log->files = files;
	log->dir = dir;
	log->segment_bytes = segment_bytes;
	log->next_id = 1;
	pthread_mutex_init(&log->lock, NULL);
	spool_index_init(&log->index);
}

void spool_log_fini(struct spool_log *log)
{
	while (log->segments > 0) {
		struct segment *segment = spool_log_shift(log);

		if (segment != NULL)
			segment_unref(log, segment);
	}
	free(log->segment);
	spool_index_fini(&log->index);
	pthread_mutex_destroy(&log->lock);
}

/* --- segment files --- */

void segment_name(uint32_t number, const char *suffix, char name[static SEGMENT_NAME_MAX])
{
	snprintf(name, SEGMENT_NAME_MAX, "%08" PRIx32 ".%s", number, suffix);
}

static struct segment *segment_new(uint32_t number, int fd, uint32_t size)
{
	struct segment *segment = mem_zero(1, sizeof(*segment));

	segment->number = number;
	segment->fd = fd;
	segment->size = segment->limit = size;
	segment->users = 1;
	return segment;
}

int segment_open(const struct spool_log *log, uint32_t number, struct segment **segment_r,
		 struct err *e)
{
	char name[SEGMENT_NAME_MAX];
	struct stat st;
	int fd;

	segment_name(number, "log", name);
	fd = openat(log->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(e, "cannot open the spool's segment %s", name);
	if (fstat(fd, &st) < 0 || st.st_size > UINT32_MAX) {
		close(fd);
		return err_set(e, ERR_STORE, 0, "the spool's segment %s is no segment", name);
	}
	*segment_r = segment_new(number, fd, (uint32_t)st.st_size);
	return 0;
}

static int write_head(const struct spool_log *log, struct segment *segment, uint32_t oldest,
		      uint64_t next_id, uint32_t commit)
{
	struct buf record = { 0 };
	struct spool_header header;
	struct iovec iov;
	int result;

	spool_put_head(&record, oldest, next_id, log->key);
	memcpy(&header, record.data, sizeof(header));
	spool_record_stamp(&header, spool_seed(0, segment->number), commit);
	memcpy(record.data, &header, sizeof(header));
	assert(record.len <= SPOOL_HEAD_MAX);
	iov = (struct iovec){ record.data, record.len };
	result = spool_write_all(log->files, segment->fd, &iov, 1, 0);
	if (result == 0)
		segment->size = (uint32_t)record.len;
	buf_free(&record);
	return result;
}

/* Of SEGMENT, whose file has its room: its HEAD and its name, durable; or it is gone. */
static int begin_segment(const struct spool_log *log, struct segment *segment, uint32_t oldest,
			 uint64_t next_id, uint32_t commit, struct err *e)
{
	char name[SEGMENT_NAME_MAX];

	segment->size = 0;
	if (write_head(log, segment, oldest, next_id, commit) == 0 &&
	    log->files->fsync(segment->fd) == 0 && log->files->fsync(log->dir) == 0)
		return 0;
	segment_name(segment->number, "log", name);
	err_errno(e, "cannot prepare the spool's segment %s", name);
	unlinkat(log->dir, name, 0);
	close(segment->fd);
	free(segment);
	return -1;
}

int segment_create(const struct spool_log *log, uint32_t number, uint32_t oldest, uint64_t next_id,
		   uint32_t commit, struct segment **segment_r, struct err *e)
{
	char name[SEGMENT_NAME_MAX];
	struct segment *segment;
	int fd;

	segment_name(number, "log", name);
	fd = openat(log->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, "cannot create the spool's segment %s", name);
	if (log->files->allocate(fd, log->segment_bytes) < 0) {
		err_errno(e, "cannot prepare the spool's segment %s", name);
		unlinkat(log->dir, name, 0);
		close(fd);
		return -1;
	}
	segment = segment_new(number, fd, log->segment_bytes);
	if (begin_segment(log, segment, oldest, next_id, commit, e) < 0)
		return -1;
	*segment_r = segment;
	return 0;
}

int segment_adopt(const struct spool_log *log, const char *name, uint32_t number, uint32_t oldest,
		  uint64_t next_id, uint32_t commit, struct segment **segment_r, struct err *e)
{
	char as[SEGMENT_NAME_MAX];
	struct segment *segment;

	segment_name(number, "log", as);
	if (renameat(log->dir, name, log->dir, as) < 0)
		return err_errno(e, "cannot make the spool's segment %s of %s", as, name);
	if (segment_open(log, number, &segment, e) < 0 ||
	    begin_segment(log, segment, oldest, next_id, commit, e) < 0)
		return -1;
	*segment_r = segment;
	return 0;
}

struct segment *segment_ref(struct segment *segment)
{
	segment->users++;
	return segment;
}

void segment_unref(struct spool_log *log, struct segment *segment)
{
	bool is_last;

	pthread_mutex_lock(&log->lock);
	is_last = --segment->users == 0;
	pthread_mutex_unlock(&log->lock);
	if (!is_last)
		return;
	if (segment->is_dropped)
		segment_unlink(log, segment->number);
	close(segment->fd);
	buf_free(&segment->gists);
	free(segment);
}

void segment_unlink(const struct spool_log *log, uint32_t number)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(number, "idx", name);
	unlinkat(log->dir, name, 0);
	segment_name(number, "log", name);
	unlinkat(log->dir, name, 0);
}

/* --- the table --- */

void spool_log_add(struct spool_log *log, struct segment *segment)
{
	uint32_t count;

	if (log->segments == 0)
		log->oldest = segment->number;
	assert(segment->number >= log->oldest + log->segments);
	count = segment->number - log->oldest + 1;
	log->segment = mem_grow(log->segment, count * sizeof(*log->segment));
	while (log->segments < count)
		log->segment[log->segments++] = NULL;
	log->segment[count - 1] = segment;
	log->log_bytes += segment->size;
}

struct segment *spool_log_find(const struct spool_log *log, uint32_t number)
{
	if (number < log->oldest || number - log->oldest >= log->segments)
		return NULL;
	return log->segment[number - log->oldest];
}

struct segment *spool_log_shift(struct spool_log *log)
{
	struct segment *first = log->segment[0];

	log->segments--;
	log->oldest++;
	memmove(log->segment, log->segment + 1, log->segments * sizeof(*log->segment));
	if (first != NULL)
		log->log_bytes -= first->size;
	return first;
}

/* --- what records mean --- */

/* The entry's place no longer counts. */
static void unplace(struct spool_log *log, const struct spool_entry *entry)
{
	struct segment *segment = spool_log_find(log, entry->segment);

	log->live_bytes -= entry->bytes;
	if (segment != NULL) {
		segment->live--;
		segment->live_bytes -= entry->bytes;
	}
}

void spool_log_forget(struct spool_log *log, struct spool_entry *entry)
{
	unplace(log, entry);
	spool_index_remove(&log->index, entry);
}

/* A MOVE keeps the states the entry has: those after it in the log say the same. */
static int apply_message(struct spool_log *log, struct segment *segment, uint32_t offset,
			 const struct spool_header *header, const void *payload, size_t len,
			 struct err *e)
{
	struct spool_message message;
	struct spool_entry *entry;

	if (spool_read_message(payload, len, &message, e) < 0)
		return -1;
	entry = spool_index_put(&log->index, header->id);
	if (entry->bytes != 0) {
		unplace(log, entry);
	} else {
		entry->recipients = message.recipients;
		entry->is_ref = message.is_ref;
	}
	entry->segment = segment->number;
	entry->offset = offset;
	entry->bytes = (uint32_t)spool_record_size(header->length);
	segment->live++;
	segment->live_bytes += entry->bytes;
	log->live_bytes += entry->bytes;
	if (header->id >= log->next_id)
		log->next_id = header->id + 1;
	return 0;
}

static int apply_rcpt(struct spool_log *log, uint64_t id, const void *payload, size_t len,
		      struct err *e)
{
	struct spool_entry *entry = spool_index_find(&log->index, id);
	struct spool_rcpt record;

	if (spool_read_rcpt(payload, len, &record, e) < 0)
		return -1;
	if (entry != NULL)
		spool_entry_apply(entry, &record);
	return 0;
}

static int apply_head(struct spool_log *log, const void *payload, size_t len, struct err *e)
{
	struct spool_head head;

	if (spool_read_head(payload, len, &head, e) < 0)
		return -1;
	if (head.oldest > log->head)
		log->head = head.oldest;
	if (head.next_id > log->next_id)
		log->next_id = head.next_id;
	return 0;
}

static int refuse_type(const struct spool_header *header, struct err *e)
{
	if (header->flags & SPOOL_RECORD_OPTIONAL)
		return 0;
	err_set(e, ERR_STORE, 0,
		"the spool has records of type %u; this program knows spool format version %d",
		header->type, SPOOL_FORMAT_VERSION);
	return err_remedy(e, "run the version of waypost that wrote this spool, or a later one");
}

int spool_log_apply(struct spool_log *log, struct segment *segment, uint32_t offset,
		    const struct spool_header *header, const void *payload, size_t len,
		    enum spool_applied *applied_r, struct err *e)
{
	struct spool_entry *entry;

	*applied_r = SPOOL_APPLIED;
	switch (header->type) {
	case SPOOL_MSG:
	case SPOOL_MSGREF:
	case SPOOL_MOVE:
		return apply_message(log, segment, offset, header, payload, len, e);
	case SPOOL_RCPT:
		return apply_rcpt(log, header->id, payload, len, e);
	case SPOOL_DONE:
		entry = spool_index_find(&log->index, header->id);
		if (entry == NULL)
			return 0;
		if (entry->is_ref)
			*applied_r = SPOOL_APPLIED_BODY_GONE;
		spool_log_forget(log, entry);
		return 0;
	case SPOOL_HEAD:
		return apply_head(log, payload, len, e);
	case SPOOL_GROUP:
		return 0;
	default:
		return refuse_type(header, e);
	}
}

bool spool_log_is_at(const struct spool_log *log, uint64_t id, uint32_t segment, uint32_t offset)
{
	const struct spool_entry *entry = spool_index_find(&log->index, id);

	return entry != NULL && entry->segment == segment && entry->offset == offset;
}
