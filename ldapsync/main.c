/*
 * waypost-ldapsync: keeps the replica in step with the directories.
 *
 * Threads: one per directory, one that applies, one for the control socket; this one waits for
 * signals. SIGTERM and SIGINT end it, SIGHUP reads the host file anew.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/ctl_server.h"
#include "common/hostfile.h"
#include "common/log.h"
#include "common/process.h"
#include "common/replica_damage.h"
#include "ldapsync/agent.h"
#include "ldapsync/aside.h"
#include "ldapsync/ctl_sync.h"
#include "ldapsync/dirconn.h"

#define PROGRAM "waypost-ldapsync"

/* What runs for one reading of the host file. */
struct service {
	struct hostfile *host;
	struct ctl_sync *ctl;
	struct agent *agent;
	struct ctl_server *server;
};

static void service_stop(struct service *service)
{
	ctl_server_stop(&service->server);
	ctl_sync_stop(service->ctl);
	agent_stop(&service->agent);
	ctl_sync_free(&service->ctl);
}

/* Keeps HOST. */
static int service_start(struct service *service, struct hostfile *host, struct err *err)
{
	struct agent_observer observer;
	const struct ctl_verb *verbs;
	size_t n_verbs;

	*service = (struct service){ .host = host, .ctl = ctl_sync_new() };
	observer = ctl_sync_observer(service->ctl);
	verbs = ctl_sync_verbs(&n_verbs);
	if (agent_start(host, &observer, &service->agent, err) < 0)
		goto failed;
	ctl_sync_set_agent(service->ctl, service->agent, host);
	if (ctl_server_start(host->run, PROGRAM, verbs, n_verbs, service->ctl, &service->server,
			     err) < 0)
		goto failed;
	return 0;
failed:
	service_stop(service);
	return -1;
}

/* With a host file that is refused, or names what cannot be used, the old one stays in force. */
static int reload(struct service *service, const char *config, struct err *err)
{
	struct hostfile *host, *old = service->host;

	if (hostfile_load(config, &host, err) < 0) {
		log_err("the host file was not read again", err);
		return 0;
	}
	service_stop(service);
	if (service_start(service, host, err) < 0) {
		log_err("the host file cannot be gone by, the one before stays in force", err);
		hostfile_free(&host);
		return service_start(service, old, err);
	}
	hostfile_free(&old);
	log_info("the host file was read again");
	return 0;
}

static int serve(struct service *service, const char *config, const sigset_t *signals,
		 struct err *err)
{
	int signal_number;

	while (sigwait(signals, &signal_number) == 0) {
		if (signal_number != SIGHUP)
			return 0;
		if (reload(service, config, err) < 0)
			return -1;
	}
	return err_errno(err, "waiting for signals");
}

static int run(struct hostfile *host, const char *config, struct err *err)
{
	struct service service;
	sigset_t signals;
	int rc;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL); /* before threads, which inherit it */
	dirconn_init_library();
	replica_damage_catch(true);
	rc = service_start(&service, host, err);
	if (rc == 0) {
		process_ready(host->server != NULL ? host->server : host->fqdn, 0);
		rc = serve(&service, config, &signals, err);
		service_stop(&service);
	}
	hostfile_free(&service.host);
	return rc;
}

static int start(int argc, char **argv, struct err *err)
{
	struct hostfile *host;
	const char *config;
	int rc = process_args(argc, argv, PROGRAM,
			      "keeps the local replica in step with the directory", &config, err);

	if (rc <= 0)
		return rc;
	if (hostfile_load(config, &host, err) < 0)
		return -1;
	log_open(PROGRAM, host->log_level);
	if (process_prepare(host, false, err) < 0) {
		hostfile_free(&host);
		return -1;
	}
	return run(host, config, err);
}

int main(int argc, char **argv)
{
	struct err err;
	int status = 0;

	log_open(PROGRAM, LOG_LEVEL_INFO);
	if (start(argc, argv, &err) < 0) {
		log_err("cannot go on", &err);
		status = err_exit_status(&err);
	}
	/* Libraries are not taken down around a thread that still waits in one. */
	if (aside_is_any_left())
		_exit(status);
	return status;
}
