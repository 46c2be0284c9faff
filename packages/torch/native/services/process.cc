// Two things of the operating system that a training process needs and Node does not offer.
#include "door/addon.h"

#include <sys/file.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

namespace pioneer {

/// lockFile(fd): true if this process now holds the exclusive lock, false if another does, undefined on a file system
/// without locks. The kernel drops the lock with the process, however it ends, so it is never stale.
static napi_value lockFile(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    int fd = static_cast<int>(toInt(env, arguments(env, info, 1)[0], "fd", 0, INT_MAX));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fromBool(env, true);
    if (errno == EWOULDBLOCK) return fromBool(env, false);
    if (errno == ENOSYS || errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOTSUP) return undefined(env);
    throw std::runtime_error(std::string("flock: ") + strerror(errno));
  });
}

/// dieWithParent(): the kernel kills this process when its parent ends, even by kill -9. Returns whether this system
/// can. A parent that ended before this call goes unnoticed; a closed IPC channel tells of that.
static napi_value dieWithParent(napi_env env, napi_callback_info) {
  return guard(env, [&] {
#ifdef __linux__
    return fromBool(env, prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
#else
    return fromBool(env, false);
#endif
  });
}

const std::vector<Export> processExports = {{"lockFile", lockFile}, {"dieWithParent", dieWithParent}};

}  // namespace pioneer
