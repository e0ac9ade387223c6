package io.satchel.app.common;

import io.satchel.image.Progress;
import io.satchel.image.operation.Cancelled;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.util.function.Consumer;
import java.util.function.Function;
import javafx.application.Platform;
import javafx.beans.binding.Bindings;
import javafx.beans.binding.IntegerBinding;
import javafx.concurrent.Task;
import javafx.stage.Window;
import org.controlsfx.control.TaskProgressView;

/**
 * Long work, off the window's thread, in one list with progress and cancel. What follows a job runs
 * on the window's thread, and only when the job has really stopped.
 */
public final class Jobs {

  private static final long NANOS = 1_000_000_000L;

  /** How often a figure changes; more often cannot be read. */
  private static final long REFRESH_NANOS = NANOS / 4;

  private final Texts texts;
  private final TaskProgressView<Task<?>> view = new TaskProgressView<>();

  /** What a job does. It reports bytes, and stops when it is told to. */
  @FunctionalInterface
  public interface Work<T> {
    T run(Progress progress) throws Exception;
  }

  /** What follows. */
  public interface Outcome<T> {
    void done(T result);

    /** It failed, in one sentence; nothing half-made is left. */
    void failed(IOException problem);

    /** The person stopped it; nothing half-made is left. */
    default void cancelled() {}
  }

  /**
   * The outcome of work whose end is told in a sentence; what goes wrong is shown.
   *
   * @param said hears the sentence
   */
  public static <T> Outcome<T> told(
      Window owner, Texts texts, Consumer<String> said, Function<T, String> sentence) {
    return new Outcome<>() {
      @Override
      public void done(T result) {
        said.accept(sentence.apply(result));
      }

      @Override
      public void failed(IOException problem) {
        Dialogs.error(owner, texts, problem);
      }

      @Override
      public void cancelled() {
        said.accept(texts.get("jobs.cancelled"));
      }
    };
  }

  public Jobs(Texts texts) {
    this.texts = texts;
    view.setId("tasks");
    view.setAccessibleText(texts.get("jobs.title"));
    view.setPrefHeight(150);
  }

  /** The list, to be put into the window. */
  public TaskProgressView<Task<?>> view() {
    return view;
  }

  /** How many jobs are under way. */
  public IntegerBinding count() {
    return Bindings.size(view.getTasks());
  }

  /** Begins a job; returns it, to be cancelled. */
  public <T> Task<T> start(String title, Work<T> work, Outcome<T> outcome) {
    Job<T> job = new Job<>(title, work, outcome);
    view.getTasks().add(job);
    Thread.ofVirtual().name("satchel-job").start(job);
    return job;
  }

  /** Asks all jobs to stop. */
  public void cancelAll() {
    java.util.List.copyOf(view.getTasks()).forEach(Task::cancel);
  }

  private final class Job<T> extends Task<T> {
    private final Work<T> work;
    private final Outcome<T> outcome;
    private final long begun = System.nanoTime();
    private long told;

    Job(String title, Work<T> work, Outcome<T> outcome) {
      this.work = work;
      this.outcome = outcome;
      updateTitle(title);
      updateMessage(texts.get("jobs.working"));
    }

    @Override
    public boolean cancel(boolean mayInterrupt) {
      // The work looks whether it is to stop; an interrupt would close files under it.
      return super.cancel(false);
    }

    @Override
    protected T call() throws Exception {
      try {
        T result = work.run(this::at);
        Platform.runLater(() -> outcome.done(result));
        return result;
      } catch (Cancelled e) {
        Platform.runLater(outcome::cancelled);
        throw e;
      } catch (Exception | OutOfMemoryError e) {
        Platform.runLater(() -> outcome.failed(Defects.asIoException(e)));
        throw e;
      }
    }

    private boolean at(long done, long total) {
      long now = System.nanoTime();
      if (now - told > REFRESH_NANOS && total > 0) {
        told = now;
        updateProgress(done, total);
        double seconds = Math.max(0.2, (now - begun) / (double) NANOS);
        long rate = (long) (done / seconds);
        long left = rate == 0 ? 0 : (total - done) / rate;
        updateMessage(
            texts.get("jobs.rate", Sizes.of(done), Sizes.of(total), Sizes.of(rate), left));
      }
      return !isCancelled();
    }
  }
}
