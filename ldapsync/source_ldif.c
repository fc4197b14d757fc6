/*
 * The LDIF file as a directory: read whole when it has come to rest, applied as one transaction.
 *
 * An error of syntax refuses the whole file, what was read before stays. Of two entries with one
 * name the first counts. No cookie: the file is its own state, and what did not change since
 * is not written again (replica_writer compares).
 */
#include "ldapsync/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fsutil.h"
#include "common/ldif.h"
#include "common/log.h"
#include "ldapsync/file_watch.h"
#include "topology/profile.h"

enum { NO_BINDING = 0 };
static const size_t FILE_MAX = (size_t)4 << 30;

static bool accepts(const struct part *part)
{
	return part->directory->uris[0].scheme == HOST_FILE;
}

/* Entry number ORDINAL of the file. */
struct place {
	struct entry_uuid uuid;
	size_t ordinal;
};

/* Which entries of a file have the name of an earlier one. */
struct repeats {
	struct place *places;
	size_t n_places, cap;
	bool *is_repeat; /* by ordinal */
};

static void note_place(struct repeats *repeats, const struct entry *entry)
{
	if (repeats->n_places == repeats->cap) {
		repeats->cap = repeats->cap ? repeats->cap * 2 : 256;
		repeats->places = mem_grow(repeats->places,
					   repeats->cap * sizeof(*repeats->places));
	}
	repeats->places[repeats->n_places] = (struct place){ entry->uuid, repeats->n_places };
	repeats->n_places++;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int by_uuid = memcmp(&x->uuid, &y->uuid, sizeof(x->uuid));

	if (by_uuid != 0)
		return by_uuid;
	return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

static void find_repeats(struct repeats *repeats)
{
	struct place *places = repeats->places;

	repeats->is_repeat = mem_zero(repeats->n_places, sizeof(bool));
	if (repeats->n_places > 1)
		qsort(places, repeats->n_places, sizeof(*places), compare_places);
	for (size_t i = 1; i < repeats->n_places; i++)
		if (entry_uuid_equal(&places[i].uuid, &places[i - 1].uuid))
			repeats->is_repeat[places[i].ordinal] = true;
}

static void repeats_fini(struct repeats *repeats)
{
	free(repeats->places);
	free(repeats->is_repeat);
}

/* The whole text once, for its syntax and its names. */
static int check_text(const struct buf *text, struct repeats *repeats, struct err *err)
{
	struct ldif_reader reader;
	struct entry *entry;
	int rc;

	ldif_reader_init(&reader, text->data, text->len);
	while ((rc = ldif_next(&reader, NULL, &entry, err)) == 1) {
		note_place(repeats, entry);
		talloc_free(entry);
	}
	find_repeats(repeats);
	return rc;
}

static int send_entries(struct source_sink *sink, const struct profile *profile,
			const struct buf *text, const struct repeats *repeats)
{
	struct ldif_reader reader;
	struct entry *entry;
	int rc = 0;

	ldif_reader_init(&reader, text->data, text->len);
	for (size_t i = 0; rc == 0 && ldif_next(&reader, NULL, &entry, NULL) == 1; i++) {
		if (repeats->is_repeat[i])
			log_warn("%s: a second entry with this name is skipped", entry->dn);
		else
			rc = source_upsert(sink, profile_translate(profile, entry, entry));
		talloc_free(entry);
	}
	return rc;
}

static int send_text(struct source_sink *sink, const struct profile *profile,
		     const struct buf *text, const struct repeats *repeats)
{
	struct buf no_cookie = { 0 };
	int rc = source_begin(sink, NO_BINDING, &no_cookie);

	buf_free(&no_cookie);
	if (rc < 0 || source_refresh(sink, SOURCE_FILE) < 0 ||
	    send_entries(sink, profile, text, repeats) < 0 || source_done(sink, true) < 0)
		return -1;
	/* The file may never change again, so it is dealt with only when it is stored. */
	return source_settle(sink);
}

/* 0: the file, as SIGNATURE shows it, was dealt with; -1: it has to be read again. */
static int take_text(struct source_sink *sink, const struct profile *profile, const char *path,
		     const struct buf *text)
{
	struct repeats repeats = { 0 };
	struct err err;
	int rc;

	source_is_up(sink, &(struct source_peer){ .where = path, .tracker = "file" });
	if (check_text(text, &repeats, &err) < 0) {
		err_note(&err, "%s", path);
		err_remedy(&err, "mend the file; until then what was read before stays in force");
		source_fault(sink, &err);
		rc = 0;
	} else {
		source_fault(sink, NULL);
		rc = send_text(sink, profile, text, &repeats);
	}
	repeats_fini(&repeats);
	return rc;
}

/* A pipe or a device in the place of the file would hold the thread, and its end, for ever. */
static int read_regular(const char *path, struct buf *text, struct err *err)
{
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		err_set(err, ERR_SYSTEM, 0, "%s is no regular file", path);
	else if (fs_read(path, FILE_MAX, text, err) == 0)
		return 0;
	return err_remedy(err, "make it an LDIF file that the daemons' user may read, or correct uri");
}

static int read_file(struct source_sink *sink, const struct profile *profile,
		     struct file_watch *watch)
{
	struct file_signature before = file_signature_of(watch->path), after;
	struct buf text = { 0 };
	struct err err;
	int rc = read_regular(watch->path, &text, &err);

	after = file_signature_of(watch->path);
	if (rc < 0) {
		source_is_down(sink, &err);
		rc = 0;
	} else if (file_signature_equal(&before, &after)) {
		rc = take_text(sink, profile, watch->path, &text);
	} else {
		rc = -1; /* written to meanwhile */
	}
	if (rc == 0)
		watch->last = before;
	buf_free(&text);
	return rc;
}

static void watch_file(const struct part *part, const struct profile *profile,
		       struct source_sink *sink)
{
	struct file_watch watch;
	enum { RETRY_MS = 250, RETRY_MAX_MS = 8000 };
	unsigned pause_ms = RETRY_MS;

	file_watch_init(&watch, part->directory->uris[0].path);
	while (!source_is_stopping(sink)) {
		if (read_file(sink, profile, &watch) < 0) {
			source_pause(sink, pause_ms);
			pause_ms = pause_ms < RETRY_MAX_MS ? pause_ms * 2 : pause_ms;
			continue;
		}
		pause_ms = RETRY_MS;
		if (file_watch_wait(&watch, source_wake_fd(sink)) == FILE_WATCH_STOP &&
		    !source_is_called(sink))
			break;
	}
	file_watch_fini(&watch);
}

static void run(const struct part *part, struct source_sink *sink)
{
	const struct host_directory *d = part->directory;
	struct err err;
	struct profile *profile = profile_new(NULL, d->profile, d->assume, d->n_assume, &err);

	if (profile != NULL)
		watch_file(part, profile, sink);
	else
		source_is_down(sink, &err);
	talloc_free(profile);
}

const struct source_backend source_ldif_backend = { "ldif", accepts, run };
