/* Shuts a file system down without writing its journal: what is in memory only is lost. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define SHUTDOWN _IOR('X', 125, uint32_t)
#define WITHOUT_THE_JOURNAL 2

int main(int count, char **arguments)
{
    uint32_t how = WITHOUT_THE_JOURNAL;
    int directory = count == 2 ? open(arguments[1], O_RDONLY) : -1;
    if (directory < 0 || ioctl(directory, SHUTDOWN, &how) < 0) {
        perror("shutdown");
        return 1;
    }
    return 0;
}
