package io.satchel.vm.cpu.translate;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Code that is compiled as one: where it lies, what it depends on, and its compiled form. */
final class Region {

  /** In {@link #csLimit}: 64-bit code is not limited. */
  static final long NO_LIMIT = -1;

  /** In {@link #exitRips}: the exit leads to one place. No instruction of a loop lies there. */
  static final long CONSTANT = -1;

  /** Offset in the code segment of its beginning. */
  final long rip;

  /** The beginning's linear address. */
  final long linear;

  final int mode;
  final long csBase;
  final long csLimit;

  // The pages that its bytes lie in: linear address, host page, and from where to where in it.
  final long[] linearPages;
  final int[] hostPages;
  final int[] from;
  final int[] to;

  final List<Node> nodes;

  /** Instructions: no way through it that does not loop is longer. */
  final int longest;

  /** By site: the offset of an instruction that may miss or call an effect. */
  long[] siteRips = new long[0];

  /** By site: how many instructions of the node come before it. */
  int[] siteCounts = new int[0];

  /** By site: how often it missed soon after it had missed. */
  int[] misses = new int[0];

  /** By site: the count of instructions when it last missed. */
  long[] missedAt = new long[0];

  /** By exit: the offset of the instruction that computes where it leads, or {@link #CONSTANT}. */
  long[] exitRips = new long[0];

  /** By exit: how often it led where it had led before; negative when it did not always. */
  int[] exitSteady = new int[0];

  /** The compiled form, once it is there. */
  volatile @Nullable CompiledRegion code;

  /** False once its bytes may have changed, or another took its place. */
  boolean valid = true;

  /** Under which epoch of the translations its pages were last found in place. */
  int epoch;

  /** Entries since the cache was last swept. */
  int entries;

  /** Instructions that the processor had retired when it was found. */
  long since;

  /** How often it was found executing, by whoever measures. */
  int looks;

  /** Bytes of its method. */
  int bytes;

  /** Its method would be longer than HotSpot takes. */
  volatile boolean tooLong;

  Region(
      long rip,
      long linear,
      int mode,
      long csBase,
      long csLimit,
      List<Node> nodes,
      int longest,
      long[] linearPages,
      int[] hostPages,
      int[] from,
      int[] to) {
    this.rip = rip;
    this.linear = linear;
    this.mode = mode;
    this.csBase = csBase;
    this.csLimit = csLimit;
    this.nodes = nodes;
    this.longest = longest;
    this.linearPages = linearPages;
    this.hostPages = hostPages;
    this.from = from;
    this.to = to;
  }

  void invalidate() {
    valid = false;
    CompiledRegion compiled = code;
    if (compiled != null) {
      compiled.valid = false;
      // What still refers to the region, such as a block that is no longer run, keeps no class.
      code = null;
    }
  }
}
