/* What nbhookd and nbhook.fcgi, which are linked with jemalloc, want of it. It reads this variable (jemalloc(3),
 * "TUNING"); of another allocator nobody reads it. With the defaults, what a thread has freed stays with the process
 * until the same thread, or one that shares its arena, asks for memory again, and most threads of ours sleep. */
extern const char *malloc_conf;
const char *malloc_conf = "background_thread:true,dirty_decay_ms:2000,muzzy_decay_ms:0";
