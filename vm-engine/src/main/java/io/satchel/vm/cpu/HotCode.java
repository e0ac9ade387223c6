package io.satchel.vm.cpu;

import org.jspecify.annotations.Nullable;

/** What the interpreter tells an engine that compiles hot guest code, and asks of it. */
public interface HotCode {

  /** Which code the interpreter has met. */
  @FunctionalInterface
  interface Profile {
    /** Whether a block that begins there has been executed. */
    boolean seen(int hostPage, int pageOffset, int mode);
  }

  /** No compiler. */
  HotCode NONE =
      new HotCode() {
        @Override
        public @Nullable CompiledCode at(int hostPage, int mode, Profile profile) {
          return null;
        }

        @Override
        public boolean written(int hostPage, int offset, int width) {
          return false;
        }

        @Override
        public boolean pageWritten(int hostPage) {
          return false;
        }

        @Override
        public int patience() {
          return Integer.MAX_VALUE;
        }
      };

  /**
   * The code at {@code CpuState.rip}, which lies in a host page, is hot.
   *
   * @return its compiled form; {@code null} when there is none yet, then the question comes again
   */
  @Nullable CompiledCode at(int hostPage, int mode, Profile profile);

  /**
   * The processor is about to store to a page with the code mark.
   *
   * @return whether compiled code remains in the page, which then has to keep its mark
   */
  boolean written(int hostPage, int offset, int width);

  /** Somebody else is about to write anywhere in the page; returns the same. */
  boolean pageWritten(int hostPage);

  /** How many times a block is entered by jumps before it counts as hot. */
  int patience();
}
