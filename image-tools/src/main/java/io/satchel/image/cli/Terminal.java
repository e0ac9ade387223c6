package io.satchel.image.cli;

import io.satchel.image.Progress;
import io.satchel.image.block.Watch;
import io.satchel.image.operation.Cancelled;
import java.io.PrintStream;
import java.util.Locale;

/** Where a command writes, and whether the user has asked it to stop. */
final class Terminal {
  final PrintStream out;
  final PrintStream err;
  private final boolean interactive;
  private volatile boolean stopped;

  Terminal(PrintStream out, PrintStream err, boolean interactive) {
    this.out = out;
    this.err = err;
    this.interactive = interactive;
  }

  /** The user pressed Ctrl+C. */
  void stop() {
    stopped = true;
  }

  /** Whether the user has asked to stop. */
  boolean stopped() {
    return stopped;
  }

  /**
   * A listener that shows how far the work is.
   *
   * @param asked qemu-img's -p: percentages on standard output
   * @param quiet nothing at all
   */
  Progress progress(boolean asked, boolean quiet) {
    return new Line(asked && !quiet, interactive && !asked && !quiet);
  }

  /** The same for a work inside a format: it is shown to a person at a terminal. */
  Watch watch(boolean quiet) {
    Progress line = progress(false, quiet);
    return (done, total) -> {
      if (!line.at(done, total)) {
        throw new Cancelled();
      }
    };
  }

  private final class Line implements Progress {
    private static final long EVERY = 100_000_000L;

    private final boolean percent;
    private final boolean bar;
    private final long start = System.nanoTime();
    private long last;

    Line(boolean percent, boolean bar) {
      this.percent = percent;
      this.bar = bar;
    }

    @Override
    public boolean at(long done, long total) {
      long now = System.nanoTime();
      boolean end = done >= total;
      if ((percent || bar) && (end || now - last >= EVERY)) {
        last = now;
        if (percent) {
          double share = total == 0 ? 100 : 100.0 * done / total;
          out.printf(Locale.ROOT, "    (%.2f/100%%)%s", share, end ? "\r\n" : "\r");
          out.flush();
        } else {
          draw(done, total, now - start, end);
        }
      }
      return !stopped;
    }

    private void draw(long done, long total, long nanos, boolean end) {
      int width = 30;
      int filled = total == 0 ? width : (int) (done * width / total);
      double rate = nanos == 0 ? 0 : done * 1e9 / nanos;
      long left = rate == 0 ? 0 : (long) ((total - done) / rate);
      err.printf(
          Locale.ROOT,
          "\r[%s%s] %3d%%  %s/s  %s",
          "#".repeat(filled),
          ".".repeat(width - filled),
          total == 0 ? 100 : done * 100 / total,
          Sizes.human((long) rate),
          end ? "done        \n" : left / 60 + " min " + left % 60 + " s left ");
      err.flush();
    }
  }
}
