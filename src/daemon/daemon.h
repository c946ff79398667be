/* daemon/daemon.h: the parts of nbhookd, joined. All of it belongs to the main thread; what waits for the
 * disk goes to the workers and to the store's writer, and comes back through the main context. */
#pragma once

#include <glib.h>

#include "conf/settings.h"
#include "control/server.h"
#include "daemon/folders.h"
#include "daemon/registry.h"
#include "daemon/workers.h"
#include "store/writer.h"

typedef struct Deliveries Deliveries;
typedef struct Intake Intake;
typedef struct Recent Recent;
typedef struct Dispatcher Dispatcher;
typedef struct RunnerLink RunnerLink;
typedef struct Spares Spares;

typedef struct Daemon {
	const Settings *settings;
	Folders *folders;
	Registry *registry;
	Workers *workers;
	StoreWriter *writer;
	Server *server;
	RunnerLink *runner;
	Intake *intake;         /* folders of calls that have begun and are not submitted */
	Spares *spares;         /* folders for calls to come */
	Deliveries *deliveries; /* what senders call their deliveries */
	Recent *recent;         /* the last runs of each notebook */
	GQueue changes;         /* of webhooks, one made after the other (daemon/change.h) */
	Dispatcher *dispatcher; /* accepted jobs that have not ended */
	guint noting;           /* a source, of keys.c */
} Daemon;

/* Opens the store and the folders, takes up the jobs that have not ended. The caller frees the result
 * before settings. */
Daemon *daemon_new(const Settings *settings, GError **error);

/* Takes no new connections and runs the loop until nothing waits for the disk. */
void daemon_drain(Daemon *daemon);

/* Playing executors play on. */
void daemon_free(Daemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Daemon, daemon_free)
