/* waypost topology generate: a made-up organisation as LDIF. */
#include <stdio.h>
#include <string.h>

#include "admin/cmd.h"
#include "common/ldif.h"
#include "topology/generate.h"

const struct cli_option cmd_generate_options[] = {
	{ "shape", 0, "SHAPE", "hub-and-spoke (default), tiers, mesh or ring" },
	{ "sites", 0, "N", "sites; default 10" },
	{ "links", 0, "N", "site links in total; default: as many as the shape has" },
	{ "wide-links", 0, "N", "of them, those that join many sites at once; default 0" },
	{ "wide-members", 0, "N", "sites that each of those joins; default: half of all" },
	{ "servers-per-site", 0, "N", "hubs and mailbox servers of a site; default 2" },
	{ "subnets-per-site", 0, "N", "subnets of a site; default 1" },
	{ "connectors", 0, "N", "send and foreign connectors; default 3" },
	{ "edges", 0, "N", "edge subscriptions; default 0" },
	{ "domains", 0, "N", "accepted domains; default 3" },
	{ "recipients", 0, "N", "people with a mailbox; default 100" },
	{ "groups", 0, "N", "groups of them; default 5" },
	{ "seed", 0, "N", "another organisation of the same kind; default 1" },
	{ "suffix", 0, "DN", "where the directory begins; default dc=example,dc=com" },
	{ "output", 0, "FILE", "write to FILE, not to standard output" },
	{ NULL, 0, NULL, NULL },
};

/* Octets gathered before they are written. */
enum { CHUNK = 65536 };

struct writer {
	FILE *file;
	const char *name;
	struct buf text;
};

static int flush(struct writer *w, struct err *e)
{
	size_t written = fwrite(w->text.data, 1, w->text.len, w->file);

	if (written < w->text.len)
		return err_errno(e, "writing %s", w->name);
	buf_clear(&w->text);
	return 0;
}

static int write_entry(void *arg, const struct entry *entry, struct err *e)
{
	struct writer *w = arg;

	ldif_write(entry, &w->text);
	return w->text.len < CHUNK ? 0 : flush(w, e);
}

static int read_shape(const struct cli *cli, struct generate_params *p, struct err *e)
{
	const char *name = cli_value(cli, "shape");

	if (name == NULL)
		return 0;
	for (int i = 0; i < GENERATE_SHAPES; i++)
		if (strcmp(generate_shape_name((enum generate_shape)i), name) == 0) {
			p->shape = (enum generate_shape)i;
			return 0;
		}
	err_set(e, ERR_USAGE, 0, "there is no shape \"%.100s\"", name);
	return err_remedy(e, "shapes: %s, %s, %s, %s", generate_shape_name(GENERATE_HUB_AND_SPOKE),
			  generate_shape_name(GENERATE_TIERS), generate_shape_name(GENERATE_MESH),
			  generate_shape_name(GENERATE_RING));
}

static int read_numbers(const struct cli *cli, struct generate_params *p, struct err *e)
{
	const struct {
		const char *option;
		uint32_t *field;
	} rows[] = {
		{ "sites", &p->sites }, { "links", &p->links }, { "wide-links", &p->wide_links },
		{ "wide-members", &p->wide_members }, { "servers-per-site", &p->servers_per_site },
		{ "subnets-per-site", &p->subnets_per_site }, { "connectors", &p->connectors },
		{ "edges", &p->edges }, { "domains", &p->domains }, { "recipients", &p->recipients },
		{ "groups", &p->groups },
	};

	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		uint64_t number = *rows[i].field;

		if (cli_number(cli, rows[i].option, UINT32_MAX, &number, e) < 0)
			return -1;
		*rows[i].field = (uint32_t)number;
	}
	return cli_number(cli, "seed", UINT64_MAX, &p->seed, e);
}

static int read_params(const struct cli *cli, struct generate_params *p, struct err *e)
{
	const char *suffix = cli_value(cli, "suffix");

	generate_defaults(p);
	if (suffix != NULL)
		p->suffix = suffix;
	if (read_shape(cli, p, e) < 0 || read_numbers(cli, p, e) < 0)
		return -1;
	if (cli_value(cli, "wide-members") == NULL)
		p->wide_members = p->sites / 2;
	return generate_check(p, e);
}

static int write_all(const struct generate_params *p, struct writer *w, struct err *e)
{
	if (generate_each(p, write_entry, w, e) < 0 || flush(w, e) < 0)
		return -1;
	return fflush(w->file) != 0 ? err_errno(e, "writing %s", w->name) : 0;
}

int cmd_topology_generate(struct cli *cli, struct err *e)
{
	const char *path = cli_value(cli, "output");
	struct writer w = { .file = stdout, .name = path != NULL ? path : "standard output" };
	struct generate_params params;
	int rc;

	if (read_params(cli, &params, e) < 0)
		return -1;
	if (path != NULL && (w.file = fopen(path, "we")) == NULL)
		return err_errno(e, "opening %s", path);
	rc = write_all(&params, &w, e);
	if (path != NULL && fclose(w.file) != 0 && rc == 0)
		rc = err_errno(e, "writing %s", path);
	buf_free(&w.text);
	return rc < 0 ? -1 : EXIT_DONE;
}
