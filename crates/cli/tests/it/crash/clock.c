/* Moves the wall clock of a program that is started with this library preloaded, so that a day of
   retention passes between two runs of a node. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static long ahead = -1;
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (ahead < 0) {
        const char *text = getenv("CLOCK_SECONDS_AHEAD");
        ahead = text ? atol(text) : 0;
    }
    if (!failed && clock == CLOCK_REALTIME)
        now->tv_sec += ahead;
    return failed;
}
