package io.satchel.app.headless;

import io.satchel.app.open.RunRequest;
import io.satchel.app.open.Session;
import io.satchel.vm.api.Machine;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.host.TextScreen;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Runs a machine without a window until its script is done, it ends, or the time is over. */
public final class HeadlessRun {

  private static final int OK = 0;
  private static final int FAILED = 1;
  private static final int BAD_INPUT = 2;

  /** A picture that is taken at a moment of virtual time. */
  public record TimedShot(Duration at, Path file) {}

  private final RunRequest request;
  private final Collection<Step> steps;
  private final List<TimedShot> shots;
  private final @Nullable String serialTarget;
  private final @Nullable String debugTarget;
  private final @Nullable Duration limit;
  private final boolean quiet;
  private final PrintStream out;
  private final PrintStream err;

  /**
   * @param serialTarget {@code stdio}, a file name, or {@code null} for nowhere
   * @param debugTarget likewise, for port E9h
   * @param limit host time after which the run has failed
   */
  public HeadlessRun(
      RunRequest request,
      Collection<Step> steps,
      Collection<TimedShot> shots,
      @Nullable String serialTarget,
      @Nullable String debugTarget,
      @Nullable Duration limit,
      boolean quiet,
      PrintStream out,
      PrintStream err) {
    this.request = request;
    this.steps = List.copyOf(steps);
    this.shots = List.copyOf(shots);
    this.serialTarget = serialTarget;
    this.debugTarget = debugTarget;
    this.limit = limit;
    this.quiet = quiet;
    this.out = out;
    this.err = err;
  }

  /** The exit status: see {@code satchel run --help}. */
  public int run() {
    try (OutputStream serial = target(serialTarget);
        OutputStream debug = target(debugTarget)) {
      return run(serial, debug);
    } catch (IOException | UncheckedIOException e) {
      err.println("satchel: " + e.getMessage());
      return BAD_INPUT;
    }
  }

  private int run(OutputStream serial, OutputStream debug) throws IOException {
    ScreenImage screen = new ScreenImage();
    CompletableFuture<MachineEvents.End> end = new CompletableFuture<>();
    Listener listener = new Listener(serial, debug, end);
    long started = System.nanoTime();
    try (Session session = Session.open(request, listener)) {
      Machine machine = session.machine();
      machine.attach(screen);
      Script script = new Script(machine, screen, steps);
      listener.script = script;
      CompletableFuture<Void> shotFailure = new CompletableFuture<>();
      for (TimedShot shot : shots) {
        machine.at(
            shot.at().toNanos(),
            () -> {
              try {
                screen.writePng(shot.file());
              } catch (IOException e) {
                shotFailure.completeExceptionally(e);
              }
            });
      }
      if (!steps.isEmpty()) {
        script.start();
      }
      machine.start();
      CompletableFuture<Object> first =
          steps.isEmpty()
              ? CompletableFuture.anyOf(end, shotFailure)
              : CompletableFuture.anyOf(end, script.done(), shotFailure);
      int status = await(first, script, screen);
      if (!quiet) {
        summary(machine.status(), System.nanoTime() - started);
      }
      return status;
    }
  }

  private int await(CompletableFuture<Object> first, Script script, ScreenImage screen)
      throws IOException {
    try {
      Object outcome =
          limit == null ? first.get() : first.get(limit.toNanos(), TimeUnit.NANOSECONDS);
      if (outcome instanceof MachineEvents.End end) {
        return ended(end, script, screen);
      }
      return OK;
    } catch (TimeoutException _) {
      err.println(
          "satchel: gave up after "
              + (limit == null ? 0 : limit.toSeconds())
              + " s"
              + waitingFor(script)
              + ".");
      show(screen);
      return FAILED;
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      while (cause != null && !(cause instanceof IOException) && cause.getCause() != null) {
        cause = cause.getCause();
      }
      throw cause instanceof IOException io ? io : new IOException(String.valueOf(cause), cause);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return FAILED;
    }
  }

  private int ended(MachineEvents.End end, Script script, ScreenImage screen) {
    boolean unfinished = !steps.isEmpty() && !script.done().isDone();
    if (end.cause() == MachineEvents.Cause.EXIT_PORT) {
      return end.status();
    }
    if (end.cause() == MachineEvents.Cause.POWERED_OFF && !unfinished) {
      return OK;
    }
    err.println(
        "satchel: " + end.message() + (unfinished ? " It ended" + waitingFor(script) + "." : ""));
    show(screen);
    return FAILED;
  }

  private static String waitingFor(Script script) {
    return script.current() instanceof Step.Expect expect
        ? ", waiting for \"" + expect.text() + "\""
        : "";
  }

  private void show(ScreenImage screen) {
    TextScreen shown = screen.text();
    String text = shown == null ? "" : shown.asText();
    if (!text.isBlank()) {
      err.println("The screen showed:");
      text.lines().filter(line -> !line.isBlank()).forEach(line -> err.println("  | " + line));
    }
  }

  private void summary(Machine.Status status, long nanos) {
    err.println(
        String.format(
            Locale.ROOT,
            "satchel: %.1f s, %.1f s of the computer's time, %.0f million instructions, %.0f MIPS",
            nanos / 1e9,
            status.virtualNanos() / 1e9,
            status.instructions() / 1e6,
            status.instructions() * 1e3 / nanos));
  }

  private OutputStream target(@Nullable String name) throws IOException {
    if (name == null) {
      return OutputStream.nullOutputStream();
    }
    if (name.equals("stdio")) {
      return new OutputStream() {
        @Override
        public void write(int value) {
          out.write(value);
          if (value == '\n') {
            out.flush();
          }
        }

        @Override
        public void close() {
          out.flush();
        }
      };
    }
    return new BufferedOutputStream(Files.newOutputStream(Path.of(name)));
  }

  /** Passes the machine's output on; called on its thread. */
  private static final class Listener implements MachineEvents {
    private final OutputStream serial;
    private final OutputStream debug;
    private final CompletableFuture<End> end;
    private volatile @Nullable Script script;

    Listener(OutputStream serial, OutputStream debug, CompletableFuture<End> end) {
      this.serial = serial;
      this.debug = debug;
      this.end = end;
    }

    @Override
    public void serial(int value) {
      put(serial, value);
      Script running = script;
      if (running != null) {
        running.serial(value);
      }
    }

    @Override
    public void debug(int value) {
      put(debug, value);
    }

    @Override
    public void ended(End how) {
      end.complete(how);
    }

    private static void put(OutputStream target, int value) {
      try {
        target.write(value);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
