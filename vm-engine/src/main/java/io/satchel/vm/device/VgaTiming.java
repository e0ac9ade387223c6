package io.satchel.vm.device;

import io.satchel.vm.time.VirtualClock;

/**
 * Where the beam of a {@link Vga} is, from the programmed timing and virtual time: IBM's reference,
 * "CRT Controller" and "Input Status Register 1".
 */
final class VgaTiming {

  private static final int NOT_DISPLAY_ENABLE = 0x01;
  private static final int VERTICAL_RETRACE = 0x08;

  private static final long PICOS_PER_SECOND = 1_000_000_000_000L;
  private static final long SHORTEST_FRAME_NANOS = 5_000_000;
  private static final long LONGEST_FRAME_NANOS = 50_000_000;

  private final Vga vga;
  private final VirtualClock clock;

  // Worked out of the registers when it is asked for after a change.
  private boolean stale = true;
  private long frameStart;
  private long frameNanos;
  private long linePicos;
  private long displayPicos;
  private int displayLines;
  private int retraceStart;
  private int retraceLines;

  VgaTiming(Vga vga, VirtualClock clock) {
    this.vga = vga;
    this.clock = clock;
  }

  /** A register that may shape the timing was written. */
  void changed() {
    stale = true;
  }

  /** When line 0 of some frame began, in nanoseconds of virtual time. */
  long frameStart() {
    settle();
    return frameStart;
  }

  void restore(long newFrameStart) {
    stale = true;
    settle();
    frameStart = newFrameStart;
  }

  /** The number of the frame, for what blinks. */
  long frame() {
    settle();
    return clock.nanos() / frameNanos;
  }

  /** When the next vertical retrace begins, in nanoseconds of virtual time. */
  long nextRetrace() {
    settle();
    long now = clock.nanos();
    long retrace = frameStart + retraceStart * linePicos / 1000;
    return retrace + (Math.floorDiv(now - retrace, frameNanos) + 1) * frameNanos;
  }

  /**
   * Nanoseconds until the picture begins or ends, or vertical retrace begins: until then, but for
   * bit 0 at each line, {@link #inputStatus1} stays as it is outside of vertical retrace.
   */
  long untilChange() {
    settle();
    long inFrame = Math.floorMod(clock.nanos() - frameStart, frameNanos);
    long pictureEnd = displayLines * linePicos / 1000;
    long retrace = retraceStart * linePicos / 1000;
    long next = inFrame < pictureEnd ? pictureEnd : inFrame < retrace ? retrace : frameNanos;
    return next - inFrame;
  }

  /** Bit 0: no picture is drawn just now; bit 3: vertical retrace. */
  int inputStatus1() {
    settle();
    long inFrame = Math.floorMod(clock.nanos() - frameStart, frameNanos) * 1000;
    long line = inFrame / linePicos;
    int status = 0;
    if (line >= displayLines || inFrame - line * linePicos >= displayPicos) {
      status |= NOT_DISPLAY_ENABLE;
    }
    if (line >= retraceStart && line < retraceStart + retraceLines) {
      status |= VERTICAL_RETRACE;
    }
    return status;
  }

  private void settle() {
    if (!stale) {
      return;
    }
    stale = false;
    long before = frameNanos;
    if (vga.vbe.enabled()) {
      settleVbe();
    } else {
      settleVga();
    }
    if (frameNanos != before) {
      // The CRTC's counters begin anew; a register that left the frame as it was does not move
      // them.
      frameStart = clock.nanos();
    }
  }

  /** The dispi interface says nothing about timing: 60 Hz with a usual share of blanking. */
  private void settleVbe() {
    displayLines = vga.vbe.height();
    retraceStart = displayLines + 10;
    retraceLines = 4;
    int lines = displayLines + displayLines / 20 + 20;
    linePicos = PICOS_PER_SECOND / 60 / lines;
    displayPicos = linePicos * 4 / 5;
    frameNanos = linePicos * lines / 1000;
  }

  private void settleVga() {
    int[] crtc = vga.crtc;
    int overflow = crtc[Vga.CR_OVERFLOW];
    int doubled = (crtc[Vga.CR_MODE_CONTROL] & Vga.CR17_LINES_DOUBLED) != 0 ? 1 : 0;
    int total = crtc[Vga.CR_VERTICAL_TOTAL] | (overflow & 0x01) << 8 | (overflow & 0x20) << 4;
    int start =
        crtc[Vga.CR_VERTICAL_RETRACE_START] | (overflow & 0x04) << 6 | (overflow & 0x80) << 2;
    // The end is compared in four bits: at the start again, the counter has gone round.
    int length = crtc[Vga.CR_VERTICAL_RETRACE_END] - start & 0xF;
    int lines = total + 2 << doubled;
    retraceStart = start << doubled;
    retraceLines = (length == 0 ? 16 : length) << doubled;
    displayLines = displayLines();
    int clocking = vga.sequencer[Vga.SR_CLOCKING];
    int dots = (clocking & Vga.SR1_EIGHT_DOTS) != 0 ? 8 : 9;
    if ((clocking & Vga.SR1_DOT_CLOCK_HALVED) != 0) {
      dots *= 2;
    }
    long characterPicos = dots * PICOS_PER_SECOND / vga.dotClock();
    linePicos = (crtc[Vga.CR_HORIZONTAL_TOTAL] + 5) * characterPicos;
    displayPicos = (crtc[Vga.CR_HORIZONTAL_DISPLAY_END] + 1) * characterPicos;
    frameNanos = linePicos * lines / 1000;
    if (frameNanos < SHORTEST_FRAME_NANOS
        || frameNanos > LONGEST_FRAME_NANOS
        || retraceStart >= lines) {
      settleUnprogrammed();
    }
  }

  /** Not programmed yet, or to something that no monitor shows: 640 x 480 at 60 Hz. */
  private void settleUnprogrammed() {
    linePicos = 31_746_000;
    displayPicos = linePicos * 4 / 5;
    frameNanos = linePicos * 525 / 1000;
    displayLines = 480;
    retraceStart = 490;
    retraceLines = 2;
  }

  /** How many lines the CRTC displays. */
  int displayLines() {
    int overflow = vga.crtc[Vga.CR_OVERFLOW];
    int last =
        vga.crtc[Vga.CR_VERTICAL_DISPLAY_END] | (overflow & 0x02) << 7 | (overflow & 0x40) << 3;
    return last + 1 << ((vga.crtc[Vga.CR_MODE_CONTROL] & Vga.CR17_LINES_DOUBLED) != 0 ? 1 : 0);
  }
}
