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

constexpr int kSpins = 200;  // of 10 to 50 ns each

}  // namespace

bool DescentMutex::LockSpinning() {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (mutex_.try_lock()) return true;
    Pause();
  }
  return false;
}

void DescentMutex::Lock() {
  if (mutex_.try_lock()) return;
  waiting_.fetch_add(1, std::memory_order_relaxed);
  if (!LockSpinning()) mutex_.lock();
  waiting_.fetch_sub(1, std::memory_order_relaxed);
}

void DescentMutex::LockInTurn() {
  for (int spin = 0; spin < kSpins && waiting_.load(std::memory_order_relaxed) > 0; ++spin) Pause();
  if (!LockSpinning()) mutex_.lock();
}

}  // namespace prefixmesh
