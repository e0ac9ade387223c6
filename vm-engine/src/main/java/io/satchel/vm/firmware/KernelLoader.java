package io.satchel.vm.firmware;

import org.jspecify.annotations.Nullable;

/** Starts a kernel without a boot loader. */
interface KernelLoader {

  /** Puts it into memory and goes there; the problem in words if it cannot. */
  @Nullable String start();
}
