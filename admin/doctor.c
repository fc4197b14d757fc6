/* The directory doctor: findings, and which server is asked what in which order. */
#include "admin/doctor_private.h"

#include <stdarg.h>
#include <string.h>

#include "admin/view.h"
#include "common/ctl_proto.h"
#include "ldapsync/dirconn.h"

static const struct doctor_check server_checks[] = {
	{ "name", 0, TRACK_ANY, doctor_check_dns },
	{ "connection", HAS_ADDRESS, TRACK_ANY, doctor_check_connection },
	{ "tls", HAS_CONNECTION, TRACK_ANY, doctor_check_tls },
	{ "bind", HAS_CONNECTION | HAS_PRIVACY, TRACK_ANY, doctor_check_bind },
	{ "server", HAS_ROOT, TRACK_ANY, doctor_check_kind },
	{ "bind methods", HAS_ROOT, TRACK_ANY, doctor_check_mechanisms },
	{ "clear text", HAS_ROOT, TRACK_ANY, doctor_check_clear_text },
	{ "clock", HAS_ROOT, TRACK_ANY, doctor_check_clock },
	{ "schema", HAS_ROOT, TRACK_ANY, doctor_check_schema },
	{ "identity", HAS_BIND, TRACK_ANY, doctor_check_identity },
	{ "base", HAS_BIND, TRACK_ANY, doctor_check_base },
	{ "recipients", HAS_BIND, TRACK_ANY, doctor_check_recipients },
	{ "this host", HAS_BIND | HAS_BASE, TRACK_ANY, doctor_check_self },
	{ "sync", HAS_BIND | HAS_BASE, TRACK_SYNC, doctor_check_sync },
	{ "dirsync", HAS_BIND, TRACK_AD, doctor_check_dirsync },
	{ "deleted objects", HAS_BIND, TRACK_AD, doctor_check_deleted },
	{ "notification", HAS_BIND, TRACK_AD, doctor_check_notification },
	{ "paging", HAS_BIND, TRACK_AD, doctor_check_paging },
	{ "limits", HAS_BIND | HAS_BASE, TRACK_SYNC, doctor_check_limits },
	{ "indexes", HAS_BIND, TRACK_ANY, doctor_check_indexes },
};

/* ---- findings ---- */

static const char *const severity_names[DOCTOR_SEVERITIES] = { "ok", "note", "warning",
							       "failed" };

void doctor_init(struct doctor *d, struct cli *cli, const struct hostfile *host)
{
	*d = (struct doctor){ .cli = cli, .host = host, .rows = json_array() };
	progress_begin(&d->progress, cli, "checks of directories made");
}

void doctor_fini(struct doctor *d)
{
	json_decref(d->rows);
}

void doctor_say(struct doctor *d, enum doctor_severity severity, const char *fmt, ...)
{
	json_t *row = json_pack("{so}", "check", ctl_text(d->check));
	struct buf text = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	if (d->directory != NULL)
		json_object_set_new(row, "directory", ctl_text(d->directory));
	if (d->server != NULL)
		json_object_set_new(row, "server", ctl_text(d->server));
	json_object_set_new(row, "severity", json_string(severity_names[severity]));
	json_object_set_new(row, "ok", json_boolean(severity != DOCTOR_FAILED));
	json_object_set_new(row, "text", ctl_text(text.data));
	json_array_append_new(d->rows, row);
	d->counts[severity]++;
	buf_free(&text);
}

WP_PRINTF(3, 0)
static void add_member(struct doctor *d, const char *member, const char *fmt, va_list args)
{
	size_t n = json_array_size(d->rows);
	struct buf text = { 0 };

	buf_vprintf(&text, fmt, args);
	if (n > 0 && text.len > 0)
		json_object_set_new(json_array_get(d->rows, n - 1), member,
				    ctl_text(text.data));
	buf_free(&text);
}

void doctor_fix(struct doctor *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_member(d, "remedy", fmt, args);
	va_end(args);
}

void doctor_commands(struct doctor *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_member(d, "commands", fmt, args);
	va_end(args);
}

void doctor_say_error(struct doctor *d, enum doctor_severity severity, const struct err *e)
{
	doctor_say(d, severity, "%s", e->text);
	if (e->remedy[0] != '\0')
		doctor_fix(d, "%s", e->remedy);
}

/* ---- one server ---- */

static bool concerns(const struct doctor_check *check, const struct doctor_server *s)
{
	return (check->tracker & s->tracker) != 0;
}

/* The checks that could not be made, in one row. */
static void tell_skipped(struct doctor_server *s, const struct buf *skipped)
{
	s->doctor->check = "not looked at";
	if (skipped->len > 0)
		doctor_say(s->doctor, DOCTOR_NOTE, "%s: what failed above is needed for it",
			   skipped->data);
}

static void run_checks(struct doctor_server *s)
{
	struct buf skipped = { 0 };

	for (size_t i = 0; i < WP_COUNT(server_checks); i++) {
		const struct doctor_check *check = &server_checks[i];

		s->doctor->check = check->name;
		if (concerns(check, s) && (check->needs & ~s->has) == 0)
			check->run(s);
		else if (concerns(check, s))
			buf_printf(&skipped, "%s%s", skipped.len > 0 ? ", " : "", check->name);
		progress_tell(&s->doctor->progress, ++s->doctor->done, s->doctor->all + 1);
	}
	tell_skipped(s, &skipped);
	buf_free(&skipped);
}

static struct doctor_server *
server_new(struct doctor *d, const struct host_directory *directory, const struct host_uri *uri)
{
	struct doctor_server *s = talloc_zero(NULL, struct doctor_server);

	*s = (struct doctor_server){
		.doctor = d, .ctx = s, .uri = uri, .directory = *directory
	};
	s->directory.uris = uri;
	s->directory.n_uris = 1;
	/* Until the server has said what it is, the profile tells. */
	s->tracker = directory->profile == HOST_PROFILE_WAYPOST ? TRACK_SYNC : TRACK_AD;
	d->server = uri->text;
	return s;
}

static void server_free(struct doctor_server *s)
{
	s->doctor->server = NULL;
	dirconn_close(&s->ld);
	if (s->addresses != NULL)
		freeaddrinfo(s->addresses);
	talloc_free(s);
}

static void see_server(struct doctor *d, const struct host_directory *directory,
		       const struct host_uri *uri)
{
	struct doctor_server *s = server_new(d, directory, uri);

	run_checks(s);
	server_free(s);
}

/* What failed first, as an error. */
static void take_failure(const struct doctor *d, struct err *e)
{
	json_t *row;
	size_t i;

	err_set(e, ERR_DIRECTORY, 0, "no server was found");
	json_array_foreach(d->rows, i, row)
	{
		const char *fix = json_string_value(json_object_get(row, "remedy"));
		const char *commands = json_string_value(json_object_get(row, "commands"));

		if (json_is_true(json_object_get(row, "ok")))
			continue;
		err_set(e, ERR_DIRECTORY, 0, "%s",
			json_string_value(json_object_get(row, "text")));
		if (fix != NULL)
			err_remedy(e, "%s%s%s", fix, commands != NULL ? "; see: " : "",
				   commands != NULL ? commands : "");
		return;
	}
}

/* Whether the server of S can be spoken to. */
static bool is_reachable(struct doctor_server *s)
{
	for (size_t i = 0; server_checks[i].run != doctor_check_bind; i++)
		if ((server_checks[i].needs & ~s->has) == 0)
			server_checks[i].run(s);
	return (s->has & HAS_PRIVACY) != 0;
}

int doctor_reach(struct cli *cli, TALLOC_CTX *ctx, const struct hostfile *host,
		 struct host_uri *uri_r, struct err *e)
{
	const struct host_directory *directory = &host->directories[0];
	const struct host_uri *uris;
	struct doctor d;
	size_t n;
	int rc = -1;

	doctor_init(&d, cli, host);
	uris = doctor_find_servers(&d, ctx, directory, &n);
	for (size_t i = 0; i < n && rc < 0; i++) {
		struct doctor_server *s = server_new(&d, directory, &uris[i]);

		rc = is_reachable(s) ? 0 : -1;
		if (rc == 0)
			*uri_r = uris[i];
		server_free(s);
	}
	if (rc < 0)
		take_failure(&d, e);
	doctor_fini(&d);
	return rc;
}

/* ---- one directory ---- */

static void see_file(struct doctor *d, const struct host_directory *directory)
{
	const char *path = directory->uris[0].path;
	struct view *view;
	struct err e;

	d->check = "file";
	if (view_open_file(d->cli, path, &view, &e) < 0) {
		doctor_say_error(d, DOCTOR_FAILED, &e);
		if (*e.remedy == '\0')
			doctor_fix(d, "make it an LDIF file that the daemons' user may read, or correct uri");
	} else {
		doctor_say(d, DOCTOR_OK, "%s: %u servers, %u connectors", path,
			   snap_count(view_snapshot(view), SNAP_SERVERS),
			   snap_count(view_snapshot(view), SNAP_CONNECTORS));
	}
}

enum { GUARD_USUAL = 20, GUARD_HIGH = 50 };

static void see_guard(struct doctor *d, const struct host_directory *directory)
{
	unsigned percent = directory->sweep_guard_percent;

	d->check = "sweep guard";
	if (percent == 0)
		doctor_say(d, DOCTOR_WARNING,
			   "sweep_guard_percent = 0 holds every refresh that drops anything");
	else if (percent > GUARD_HIGH)
		doctor_say(d, DOCTOR_WARNING,
			   "sweep_guard_percent = %u lets a refresh through that drops "
			   "%u %% of the recipients",
			   percent, percent);
	else
		doctor_say(d, DOCTOR_OK, "a refresh that drops more than %u %% is held",
			   percent);
	if (percent == 0 || percent > GUARD_HIGH)
		doctor_fix(d, "leave it out of the host file, which means %d", GUARD_USUAL);
}

static void see_servers(struct doctor *d, const struct host_directory *directory)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	size_t n;
	const struct host_uri *uris = doctor_find_servers(d, ctx, directory, &n);

	d->all += (uint32_t)(n * WP_COUNT(server_checks));
	for (size_t i = 0; i < n; i++)
		see_server(d, directory, &uris[i]);
	talloc_free(ctx);
	see_guard(d, directory);
}

/* The last row of a directory: how it is on the whole. */
static void conclude(struct doctor *d, const char *title,
		     const unsigned before[DOCTOR_SEVERITIES])
{
	unsigned failed = d->counts[DOCTOR_FAILED] - before[DOCTOR_FAILED];
	unsigned warnings = d->counts[DOCTOR_WARNING] - before[DOCTOR_WARNING];

	d->check = talloc_asprintf(d->cli->ctx, "directory \"%s\"", title);
	if (failed > 0)
		doctor_say(d, DOCTOR_FAILED, "%u of its checks failed", failed);
	else if (warnings > 0)
		doctor_say(d, DOCTOR_WARNING, "it can be read; %u of its checks warn",
			   warnings);
	else
		doctor_say(d, DOCTOR_OK, "it can be read");
}

void doctor_see_directories(struct doctor *d)
{
	dirconn_init_library();
	for (size_t i = 0; i < d->host->n_directories; i++) {
		const struct host_directory *directory = &d->host->directories[i];
		unsigned before[DOCTOR_SEVERITIES];

		memcpy(before, d->counts, sizeof(before));
		d->directory = directory->title;
		if (directory->uris[0].scheme == HOST_FILE)
			see_file(d, directory);
		else
			see_servers(d, directory);
		conclude(d, directory->title, before);
		d->directory = NULL;
	}
	progress_tell(&d->progress, d->done, d->done);
}
