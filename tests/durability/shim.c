/* Makes one I/O of a process fail: the nth of those that touch a folder, with the error wanted.
 *
 * Preloaded, it stands before the C library's own functions. A failing fclose drops what had not
 * been written yet, as a full disk does. Nothing fails before fault_arm is called.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[4096];
static long left, done;
static int error, armed;

void fault_arm(int number, int wanted, const char *path) {
    strncpy(folder, path, sizeof folder - 1);
    left = number, error = wanted, done = 0, armed = 1;
}

long fault_disarm(void) {
    armed = 0;
    return done;
}

static int fails(void) {
    done++;
    if (--left) return 0;
    errno = error;
    return 1;
}

static int path_fails(int at, const char *path) {
    char base[4096], link[64];
    if (!armed) return 0;
    if (path[0] == '/' || at == AT_FDCWD) return !strncmp(path, folder, strlen(folder)) && fails();
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t size = readlink(link, base, sizeof base - 1);
    if (size < 0) return 0;
    base[size] = 0;
    return !strncmp(base, folder, strlen(folder)) && fails();
}

static int file_fails(int handle) { return armed && path_fails(handle, ""); }

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

#define OPENS(name)                                            \
    int name(const char *path, int flags, ...) {               \
        REAL(name);                                            \
        va_list rest;                                          \
        va_start(rest, flags);                                 \
        mode_t mode = va_arg(rest, mode_t);                    \
        va_end(rest);                                          \
        return path_fails(AT_FDCWD, path) ? -1 : real(path, flags, mode); \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                         \
    int name(int at, const char *path, int flags, ...) {       \
        REAL(name);                                            \
        va_list rest;                                          \
        va_start(rest, flags);                                 \
        mode_t mode = va_arg(rest, mode_t);                    \
        va_end(rest);                                          \
        return path_fails(at, path) ? -1 : real(at, path, flags, mode); \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

#define STREAMS(name)                                          \
    FILE *name(const char *path, const char *mode) {           \
        REAL(name);                                            \
        return path_fails(AT_FDCWD, path) ? NULL : real(path, mode); \
    }
STREAMS(fopen)
STREAMS(fopen64)

#define ON_FILE(result, name, parameters, arguments)           \
    result name parameters {                                   \
        REAL(name);                                            \
        return file_fails(handle) ? -1 : real arguments;       \
    }
ON_FILE(ssize_t, read, (int handle, void *data, size_t size), (handle, data, size))
ON_FILE(ssize_t, write, (int handle, const void *data, size_t size), (handle, data, size))
ON_FILE(ssize_t, pread64, (int handle, void *data, size_t size, off64_t at), (handle, data, size, at))
ON_FILE(ssize_t, pwrite64, (int handle, const void *data, size_t size, off64_t at), (handle, data, size, at))
ON_FILE(int, ftruncate64, (int handle, off64_t size), (handle, size))
ON_FILE(int, fsync, (int handle), (handle))
ON_FILE(int, fdatasync, (int handle), (handle))

#define ON_PATH(name, parameters, at, path, arguments)         \
    int name parameters {                                      \
        REAL(name);                                            \
        return path_fails(at, path) ? -1 : real arguments;     \
    }
ON_PATH(mkdir, (const char *path, mode_t mode), AT_FDCWD, path, (path, mode))
ON_PATH(rmdir, (const char *path), AT_FDCWD, path, (path))
ON_PATH(unlink, (const char *path), AT_FDCWD, path, (path))
ON_PATH(unlinkat, (int at, const char *path, int flags), at, path, (at, path, flags))
ON_PATH(rename, (const char *from, const char *to), AT_FDCWD, to, (from, to))

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    REAL(fwrite);
    return file_fails(fileno(file)) ? 0 : real(data, size, count, file);
}

int fclose(FILE *file) {
    REAL(fclose);
    if (!file_fails(fileno(file))) return real(file);
    __fpurge(file);
    real(file);
    errno = error;
    return EOF;
}
