package io.satchel.vm.cpu;

import java.util.Arrays;

/**
 * Notices that a program waits by asking: the firmware for a key, the keyboard controller for a
 * byte, the display adapter for the vertical retrace. A machine that has nothing else to do may
 * sleep between two such questions.
 *
 * <p>What is asked of a device counts only when the registers are the same at each question, so
 * that a loop that counts how often it asks, to give up in the end, is left alone. INT 16h is asked
 * through layers of a system that change registers; there it is how few instructions lie between
 * two questions. A program is let ask some times before each sleep, so that it can do no less in a
 * second than with a processor of its time.
 */
public final class PollWatch {

  /** Who can let a processor rest. */
  public interface Sleeper {
    /** Lets the processor rest until an interrupt comes, or for so many nanoseconds. */
    void doze(long nanos);

    /**
     * Nanoseconds until bit 3 of the display's input status, or whether lines are drawn, may
     * change.
     */
    long untilDisplayChange();

    /** Nanoseconds of virtual time. */
    long now();
  }

  private static final int KEYBOARD_DATA = 0x60;
  private static final int KEYBOARD_STATUS = 0x64;
  private static final int DISPLAY_STATUS = 0x3DA;
  private static final int RETRACE = 0x08;

  /** Questions before the first sleep, and between two. */
  private static final int PATIENCE = 32;

  private static final int AGAIN = 8;

  /** A person's key, which ends a sleep at once, is what is mostly waited for. */
  private static final long SLEEP = 2_000_000;

  /** Longer than a line of any picture: what is waited for is no line's end. */
  private static final long LINES = 100_000;

  /** A shorter rest is not worth it. */
  private static final long SHORTEST = 200_000;

  /** More instructions than this between two questions to the firmware are work. */
  private static final long WORK = 1_000;

  private static final int REGISTERS = 16;

  private final CpuState cpu;
  private final Sleeper sleeper;

  private final long[] registers = new long[REGISTERS];
  private long rip;
  private int port;
  private int value;
  private int asked;
  private long since;

  private long keyAsked;
  private int keysAsked;

  public PollWatch(CpuState cpu, Sleeper sleeper) {
    this.cpu = cpu;
    this.sleeper = sleeper;
  }

  /** The processor has read a byte from a port; the register that takes it is as it was. */
  public void read(int from, int answer) {
    if (from != KEYBOARD_STATUS && from != DISPLAY_STATUS && from != KEYBOARD_DATA) {
      asked = 0;
      return;
    }
    int telling = from == DISPLAY_STATUS ? answer & RETRACE : answer;
    if (from != port || telling != value || cpu.rip != rip || !sameRegisters()) {
      port = from;
      value = telling;
      rip = cpu.rip;
      System.arraycopy(cpu.gpr, 0, registers, 0, REGISTERS);
      asked = 0;
      since = sleeper.now();
      return;
    }
    if (++asked < PATIENCE) {
      return;
    }
    if (from != DISPLAY_STATUS) {
      asked -= AGAIN;
      sleeper.doze(SLEEP);
    } else if (telling == 0 && sleeper.now() - since > LINES) {
      long left = sleeper.untilDisplayChange();
      if (left > SHORTEST) {
        sleeper.doze(left);
      }
    }
  }

  /** All but that which takes the answer. */
  private boolean sameRegisters() {
    return Arrays.equals(cpu.gpr, 1, REGISTERS, registers, 1, REGISTERS);
  }

  /** The firmware was asked for a key, and there is none. */
  public void noKey() {
    long passed = cpu.instructions - keyAsked;
    keyAsked = cpu.instructions;
    keysAsked = passed > WORK ? 0 : keysAsked + 1;
    if (keysAsked >= PATIENCE) {
      keysAsked -= AGAIN;
      idle(SLEEP);
    }
  }

  /**
   * The firmware has been told, or has found out, that its caller is idle. Interrupts are masked
   * while it serves: one that is pending comes first.
   */
  public void idle(long nanos) {
    if ((cpu.pending() & (CpuState.PENDING_INTR | CpuState.PENDING_NMI)) == 0) {
      sleeper.doze(nanos);
    }
  }
}
