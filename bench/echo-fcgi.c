/* echo-fcgi: the least that answers behind nginx, on the inherited socket 3, with as many threads as
 * nbhook.fcgi has. What nbhook's answers are compared with. */
#include <fcgiapp.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>

#define SOCKET 3
#define THREADS 256
#define STACK_SIZE (256 * 1024)

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void *
serve(void *unused)
{
	FCGX_Request request;

	FCGX_InitRequest(&request, SOCKET, 0);
	for (;;) {
		pthread_mutex_lock(&turn);
		int result = FCGX_Accept_r(&request);
		pthread_mutex_unlock(&turn);
		if (result < 0)
			return NULL;
		FCGX_FPrintF(request.out, "Content-Type: text/plain\r\n\r\n%s\n",
			FCGX_GetParam("REQUEST_URI", request.envp));
		FCGX_Finish_r(&request);
	}
}

int
main(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (FCGX_Init() != 0)
		return EXIT_FAILURE;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&thread, &attributes, serve, NULL) != 0)
			return EXIT_FAILURE;
	serve(NULL);
	return EXIT_FAILURE;
}
