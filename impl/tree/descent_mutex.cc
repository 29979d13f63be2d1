#include "impl/tree/descent_mutex.h"

namespace prefixmesh {
namespace {

// Tells the processor that this is a wait.
void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void DescentMutex::Lock() {
  constexpr int kSpins = 200;  // of 10 to 50 ns each
  for (int spin = 0; spin < kSpins; ++spin) {
    if (mutex_.try_lock()) return;
    Pause();
  }
  mutex_.lock();
}

}  // namespace prefixmesh
