/* Preloaded into a program, sets its clock back by CLOCK_BACK_SECONDS seconds. A node that runs in the
   past hands out a session that is over in the present, which no request can ask for. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    const char *back = getenv("CLOCK_BACK_SECONDS");
    if (!failed && clock == CLOCK_REALTIME && back)
        now->tv_sec -= atol(back);
    return failed;
}
