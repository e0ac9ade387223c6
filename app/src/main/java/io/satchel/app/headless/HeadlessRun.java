package io.satchel.app.headless;

import io.satchel.app.common.Defects;
import io.satchel.app.common.Sentences;
import io.satchel.app.machine.MeterWords;
import io.satchel.app.open.RunRequest;
import io.satchel.app.open.Session;
import io.satchel.resources.Texts;
import io.satchel.vm.api.Machine;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.Meter;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.host.TextScreen;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
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
  private final boolean traceTranslation;
  private final PrintStream out;
  private final PrintStream err;

  /**
   * @param serialTarget {@code stdio}, a file name, or {@code null} for nowhere
   * @param debugTarget likewise, for port E9h
   * @param traceTranslation whether the translator's figures are printed at the end
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
      boolean traceTranslation,
      PrintStream out,
      PrintStream err) {
    this.request = request;
    this.steps = List.copyOf(steps);
    this.shots = List.copyOf(shots);
    this.serialTarget = serialTarget;
    this.debugTarget = debugTarget;
    this.limit = limit;
    this.quiet = quiet;
    this.traceTranslation = traceTranslation;
    this.out = out;
    this.err = err;
  }

  /** The exit status: see {@code satchel run --help}. */
  public int run() {
    ScreenImage screen = new ScreenImage();
    Listener listener = new Listener();
    // Outputs are opened after the media, so that bad input leaves no file behind.
    try (Session session = Session.open(request, listener);
        OutputStream serial = target(serialTarget);
        OutputStream debug = target(debugTarget)) {
      listener.serial = serial;
      listener.debug = debug;
      return run(session, listener, screen);
    } catch (IOException e) {
      err.println("satchel: " + Sentences.of(e));
      return BAD_INPUT;
    }
  }

  private int run(Session session, Listener listener, ScreenImage screen) throws IOException {
    long started = System.nanoTime();
    Machine machine = session.machine();
    machine.attach(screen);
    Meter meter = traceTranslation ? machine.meter() : null;
    Script script = new Script(machine, screen, steps);
    listener.script = script;
    List<CompletableFuture<Machine.Status>> goals = new ArrayList<>();
    for (TimedShot shot : shots) {
      goals.add(take(shot, machine, screen));
    }
    if (!steps.isEmpty()) {
      script.start();
      goals.add(script.done());
    }
    machine.start();
    CompletableFuture<Machine.Status> reached =
        goals.isEmpty() ? new CompletableFuture<>() : all(goals);
    int status =
        await(CompletableFuture.anyOf(listener.end, listener.failure, reached), script, screen);
    if (!quiet) {
      // The machine runs on while this thread wakes up: a repeatable run is counted to its goal.
      boolean done = reached.state() == Future.State.SUCCESS;
      summary(done ? reached.resultNow() : machine.status(), System.nanoTime() - started);
    }
    if (meter != null) {
      MeterWords.lines(new Texts(Locale.ENGLISH), meter.read(), machine.speed(), machine.state())
          .forEach(line -> err.println("translate: " + line));
      meter.close();
      // The figures are the machine's thread's own while it runs.
      machine.close();
      machine.translation().lines().forEach(line -> err.println("translate: " + line));
    }
    return status;
  }

  private static CompletableFuture<Machine.Status> take(
      TimedShot shot, Machine machine, ScreenImage screen) {
    CompletableFuture<Machine.Status> taken = new CompletableFuture<>();
    machine.at(
        shot.at().toNanos(),
        () -> {
          try {
            screen.writePng(shot.file());
            taken.complete(machine.status());
          } catch (IOException e) {
            taken.completeExceptionally(e);
          }
        });
    return taken;
  }

  /** Completes with the figures of the last of {@code goals}, or fails with the first that does. */
  private static CompletableFuture<Machine.Status> all(
      List<CompletableFuture<Machine.Status>> goals) {
    CompletableFuture<Machine.Status> result = new CompletableFuture<>();
    CompletableFuture.allOf(goals.toArray(CompletableFuture[]::new))
        .thenRun(
            () ->
                result.complete(
                    goals.stream()
                        .map(CompletableFuture::join)
                        .max(Comparator.comparingLong(Machine.Status::virtualNanos))
                        .orElseThrow()));
    for (CompletableFuture<Machine.Status> goal : goals) {
      goal.exceptionally(
          failure -> {
            result.completeExceptionally(failure);
            return null;
          });
    }
    return result;
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
      throw Defects.asIoException(cause == null ? e : cause);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return FAILED;
    }
  }

  private int ended(MachineEvents.End end, Script script, ScreenImage screen) {
    boolean unfinished = !steps.isEmpty() && !script.settle();
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
            "satchel: %.1f s, %.3f s of the computer's time, %d instructions, %.0f MIPS",
            nanos / 1e9,
            status.virtualNanos() / 1e9,
            status.instructions(),
            status.instructions() * 1e3 / nanos));
  }

  private OutputStream target(@Nullable String name) throws IOException {
    if (name == null) {
      return OutputStream.nullOutputStream();
    }
    return name.equals("stdio")
        ? new LineFlush(out, false)
        : new LineFlush(new BufferedOutputStream(Files.newOutputStream(Path.of(name))), true);
  }

  /**
   * Shows each line when it is complete, so that whoever follows a file or a pipe sees where a
   * guest is.
   */
  private static final class LineFlush extends OutputStream {
    private final OutputStream target;
    private final boolean owned;

    LineFlush(OutputStream target, boolean owned) {
      this.target = target;
      this.owned = owned;
    }

    @Override
    public void write(int value) throws IOException {
      target.write(value);
      if (value == '\n') {
        target.flush();
      }
    }

    @Override
    public void close() throws IOException {
      if (owned) {
        target.close();
      } else {
        target.flush();
      }
    }
  }

  /** Passes the machine's output on; called on its thread. */
  private static final class Listener implements MachineEvents {
    private final CompletableFuture<End> end = new CompletableFuture<>();

    /** Fails when an output cannot be written. */
    private final CompletableFuture<End> failure = new CompletableFuture<>();

    private volatile OutputStream serial = OutputStream.nullOutputStream();
    private volatile OutputStream debug = OutputStream.nullOutputStream();
    private volatile @Nullable Script script;

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

    private void put(OutputStream target, int value) {
      try {
        target.write(value);
        if (value == '\n') {
          target.flush(); // so that the file can be followed, and outlives a run that is killed
        }
      } catch (IOException e) {
        failure.completeExceptionally(e);
      }
    }
  }
}
