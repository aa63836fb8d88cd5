/* A disk that remembers only what was synced.
 *
 * Preloaded into a database's processes (LD_PRELOAD), for files under one folder, GREENLOOP_POWER_LIVE. A second
 * folder, GREENLOOP_POWER_DISK, holds for each of them what a power cut would leave behind: the file as of its last
 * fsync or fdatasync. Beside it, in GREENLOOP_POWER_DIRTY, lies a map with one byte for each page of 4 096 bytes: 1
 * where something was written since. A sync copies those pages from the live file to the disk's. The real sync is left
 * out: this machine keeps its power.
 *
 * Who tests starts with three equal folders, runs the load, kills every process, throws the live folder away and goes
 * on from the disk's. All state is in files, so any number of processes can share it, and a kill at any moment leaves
 * what a real disk might hold: a sync that was not finished has written some of its pages.
 *
 * The map is marked after a write and cleared before a copy, so a page that is written while another process syncs is
 * either copied or still marked. Syncs of one file wait for each other: one that finds a page copied has to find it
 * copied whole.
 *
 * Renames, links and removals reach the disk at once, as in the order of a journalling file system. A file that is new
 * reaches it with its own first sync; if it takes another's name before, that name is gone after a cut. What isn't
 * looked at: stdio's writes, mapped memory (SQLite's -shm only, which it rebuilds) and O_DIRECT.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096

/* The call of the same name in the next library, looked up once. */
#define REAL(name, type, ...)                                            \
    static type (*real)(__VA_ARGS__);                                    \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static const char *live, *disk, *dirty;
static size_t live_length;

/* PostgreSQL writes what it is doing over its first environment, so what was there is copied. */
static const char *told(const char *name) {
    const char *value = getenv(name);
    return value ? strdup(value) : NULL;
}

__attribute__((constructor)) static void begin(void) {
    disk = told("GREENLOOP_POWER_DISK");
    dirty = told("GREENLOOP_POWER_DIRTY");
    live = disk && dirty ? told("GREENLOOP_POWER_LIVE") : NULL;
    live_length = live ? strlen(live) : 0;
}

/* What the disk can't do without ends the process: a test must not go on with a disk that forgot something. */
static void broken(const char *what, const char *path) {
    dprintf(2, "powerloss: %s %s: %s\n", what, path, strerror(errno));
    abort();
}

static ssize_t real_pread(int fd, void *buffer, size_t count, off_t offset) {
    return pread(fd, buffer, count, offset);
}

static ssize_t real_pwrite(int fd, const void *buffer, size_t count, off_t offset) {
    REAL("pwrite", ssize_t, int, const void *, size_t, off_t);
    return real(fd, buffer, count, offset);
}

static int real_ftruncate(int fd, off_t length) {
    REAL("ftruncate", int, int, off_t);
    return real(fd, length);
}

/* Paths of one file on the disk and of its map. */
struct shadow {
    char disk[PATH_MAX];
    char dirty[PATH_MAX];
};

static int shadow_of_path(const char *path, struct shadow *found) {
    char absolute[PATH_MAX];
    if (!live || !path) return 0;
    if (path[0] != '/') {
        char here[PATH_MAX / 2];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(absolute, sizeof absolute, "%s/%s", here, path[0] == '.' && path[1] == '/' ? path + 2 : path);
        path = absolute;
    }
    if (strncmp(path, live, live_length) != 0 || path[live_length] != '/') return 0;
    if (snprintf(found->disk, PATH_MAX, "%s%s", disk, path + live_length) >= PATH_MAX) return 0;
    return snprintf(found->dirty, PATH_MAX, "%s%s", dirty, path + live_length) < PATH_MAX;
}

/* The file's path is asked from the kernel each time: it follows renames, and a removed file has none. */
static int shadow_of(int fd, struct shadow *found) {
    char link[64], path[PATH_MAX];
    struct stat about;
    if (!live) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    if (strncmp(path, live, live_length) != 0) return 0;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_nlink == 0) return 0;
    return shadow_of_path(path, found);
}

/* Open a file of the disk or a map, making the folders above it; -1 if it isn't there and must not be made. */
static int open_beside(char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT && (flags & O_CREAT)) {
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
            *slash = 0;
            if (mkdir(path, 0700) != 0 && errno != EEXIST) broken("can't make", path);
            *slash = '/';
        }
        fd = open(path, flags | O_CLOEXEC, 0600);
    }
    if (fd < 0 && (errno != ENOENT || (flags & O_CREAT))) broken("can't open", path);
    return fd;
}

static void mark(int fd, off_t from, off_t to) {
    static const char ones[1024] = {[0 ... 1023] = 1};
    struct shadow file;
    int kept = errno;
    if (to > from && shadow_of(fd, &file)) {
        int map = open_beside(file.dirty, O_WRONLY | O_CREAT);
        off_t page = from / PAGE, last = (to - 1) / PAGE;
        while (page <= last) {
            size_t count = last - page + 1 < 1024 ? (size_t)(last - page + 1) : 1024;
            if (real_pwrite(map, ones, count, page) != (ssize_t)count) broken("can't mark", file.dirty);
            page += count;
        }
        close(map);
    }
    errno = kept;
}

static void copy_page(int from, int to, off_t page, const char *path) {
    char bytes[PAGE];
    ssize_t got = real_pread(from, bytes, PAGE, page * PAGE);
    if (got < 0 || (got > 0 && real_pwrite(to, bytes, got, page * PAGE) != got)) broken("can't write", path);
}

/* Copy the pages that the map names, or all of them where the disk hasn't got the file yet. */
static void copy_pages(int from, int to, int map, off_t size, int all, const char *path) {
    static const char zero = 0;
    char marks[4096];
    off_t pages = (size + PAGE - 1) / PAGE;
    for (off_t first = 0; first < pages; first += sizeof marks) {
        ssize_t got = map < 0 ? 0 : real_pread(map, marks, sizeof marks, first);
        for (off_t page = first; page < pages && page < first + (off_t)sizeof marks; page++) {
            int marked = page - first < got && marks[page - first];
            if (marked && real_pwrite(map, &zero, 1, page) != 1) broken("can't clear", path);
            if (marked || all) copy_page(from, to, page, path);
        }
    }
}

static int sync_to_disk(int fd) {
    struct shadow file;
    struct stat about;
    char reading[64];
    if (!shadow_of(fd, &file)) return 0;
    snprintf(reading, sizeof reading, "/proc/self/fd/%d", fd);  /* the caller's may be open for writing only */
    int from = open(reading, O_RDONLY | O_CLOEXEC);
    if (from < 0) broken("can't read", file.disk);
    int map = open_beside(file.dirty, O_RDWR);
    int to = open_beside(file.disk, O_RDWR);
    int all = to < 0;
    if (all) to = open_beside(file.disk, O_RDWR | O_CREAT);
    if (flock(to, LOCK_EX) != 0) broken("can't lock", file.disk);
    if (fstat(from, &about) != 0) broken("can't measure", file.disk);
    copy_pages(from, to, map, about.st_size, all, file.disk);
    if (real_ftruncate(to, about.st_size) != 0) broken("can't cut", file.disk);
    if (map >= 0) close(map);
    close(from);
    close(to);
    return 1;
}

/* --- what is written ------------------------------------------------------------------------------------------- */

static ssize_t marked(int fd, ssize_t written, off_t offset) {
    if (written > 0) mark(fd, offset, offset + written);
    return written;
}

static ssize_t marked_here(int fd, ssize_t written) {
    if (written <= 0 || !live) return written;
    off_t end = lseek(fd, 0, SEEK_CUR);
    return end < 0 ? written : marked(fd, written, end - written);
}

ssize_t write(int fd, const void *buffer, size_t count) {
    REAL("write", ssize_t, int, const void *, size_t);
    return marked_here(fd, real(fd, buffer, count));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL("writev", ssize_t, int, const struct iovec *, int);
    return marked_here(fd, real(fd, parts, count));
}

ssize_t pwrite(int fd, const void *buffer, size_t count, off_t offset) {
    return marked(fd, real_pwrite(fd, buffer, count, offset), offset);
}

ssize_t pwrite64(int fd, const void *buffer, size_t count, off64_t offset) {
    return marked(fd, real_pwrite(fd, buffer, count, offset), offset);
}

static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL("pwritev", ssize_t, int, const struct iovec *, int, off_t);
    return marked(fd, real(fd, parts, count, offset), offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return write_parts(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return write_parts(fd, parts, count, offset);
}

/* --- how long it is ---------------------------------------------------------------------------------------------- */

static int cut(int fd, off_t length) {
    struct stat before;
    int known = live && fstat(fd, &before) == 0;
    int result = real_ftruncate(fd, length);
    /* What is cut off and comes back as a hole is zeros, which the disk learns at the next sync like any page. */
    if (result == 0 && known && length < before.st_size) mark(fd, length, before.st_size);
    if (result == 0 && known && length > before.st_size) mark(fd, before.st_size, length);
    return result;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

int truncate(const char *path, off_t length) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = cut(fd, length), kept = errno;
    close(fd);
    errno = kept;
    return result;
}

int truncate64(const char *path, off64_t length) { return truncate(path, length); }

static int allocate(int fd, off_t offset, off_t length) {
    REAL("posix_fallocate", int, int, off_t, off_t);
    int result = real(fd, offset, length);
    if (result == 0) mark(fd, offset, offset + length);
    return result;
}

int posix_fallocate(int fd, off_t offset, off_t length) { return allocate(fd, offset, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return allocate(fd, offset, length); }

/* O_TRUNC cuts all off; how much there was is asked before. */
static int open_marked(const char *path, int flags, mode_t mode) {
    REAL("open", int, const char *, int, ...);
    struct shadow file;
    struct stat before;
    int cuts = (flags & O_TRUNC) && shadow_of_path(path, &file) && stat(path, &before) == 0;
    int fd = real(path, flags, mode);
    if (fd >= 0 && cuts) mark(fd, 0, before.st_size);
    return fd;
}

#define OPEN(name)                                       \
    int name(const char *path, int flags, ...) {         \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        mode_t mode = va_arg(rest, mode_t);              \
        va_end(rest);                                    \
        return open_marked(path, flags, mode);           \
    }
OPEN(open)
OPEN(open64)

/* --- what is synced ---------------------------------------------------------------------------------------------- */

int fsync(int fd) {
    REAL("fsync", int, int);
    return sync_to_disk(fd) ? 0 : live ? 0 : real(fd);
}

int fdatasync(int fd) {
    REAL("fdatasync", int, int);
    return sync_to_disk(fd) ? 0 : live ? 0 : real(fd);
}

/* --- what it is called ------------------------------------------------------------------------------------------- */

/* Removing what isn't there is what these are for, half of the time. */
static void drop(const char *path) {
    if (unlink(path) != 0 && errno != ENOENT) broken("can't remove", path);
}

static void move(const char *from, const char *to) {
    REAL("rename", int, const char *, const char *);
    if (real(from, to) == 0) return;
    if (errno != ENOENT) broken("can't rename", from);
    drop(to);
}

int rename(const char *from, const char *to) {
    REAL("rename", int, const char *, const char *);
    struct shadow before, after;
    int ours = shadow_of_path(from, &before) && shadow_of_path(to, &after);
    int result = real(from, to), kept = errno;
    if (ours && result == 0) {
        move(before.disk, after.disk);
        move(before.dirty, after.dirty);
    }
    errno = kept;
    return result;
}

int link(const char *from, const char *to) {
    REAL("link", int, const char *, const char *);
    struct shadow before, after;
    int ours = shadow_of_path(from, &before) && shadow_of_path(to, &after);
    int result = real(from, to), kept = errno;
    if (ours && result == 0) {
        if (real(before.disk, after.disk) != 0 && errno != ENOENT) broken("can't link", before.disk);
        if (real(before.dirty, after.dirty) != 0 && errno != ENOENT) broken("can't link", before.dirty);
    }
    errno = kept;
    return result;
}

int unlink(const char *path) {
    REAL("unlink", int, const char *);
    struct shadow file;
    int ours = shadow_of_path(path, &file);
    int result = real(path), kept = errno;
    if (ours && result == 0) {
        drop(file.disk);
        drop(file.dirty);
    }
    errno = kept;
    return result;
}
