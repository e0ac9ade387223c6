package io.satchel.app.launch;

import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.Problem;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.MachineRun;
import io.satchel.app.library.Questions;
import io.satchel.app.machine.MachineView;
import io.satchel.app.open.Changes;
import io.satchel.app.open.RecentImages;
import io.satchel.app.open.RunChanges;
import io.satchel.app.open.Session;
import io.satchel.app.preset.Preset;
import io.satchel.app.snapshots.LiveSnapshots;
import io.satchel.app.snapshots.Rewind;
import io.satchel.app.snapshots.RewindDialog;
import io.satchel.app.snapshots.SnapshotStore;
import io.satchel.app.snapshots.Timeline;
import io.satchel.image.Answers;
import io.satchel.image.Progress;
import io.satchel.image.block.ImageException;
import io.satchel.image.operation.Cancelled;
import io.satchel.resources.Texts;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.MachineState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import javafx.scene.control.ButtonBar.ButtonData;
import javafx.scene.control.ButtonType;
import javafx.stage.Stage;
import org.jspecify.annotations.Nullable;

/** The machines that run in the window: one is shown, the others go on behind it. */
final class Machines {

  /** What a kill of the program loses at most of what a guest wrote without asking for a flush. */
  private static final Duration FLUSH_INTERVAL = Duration.ofSeconds(2);

  /** How often it is looked whether it is time for an automatic snapshot. */
  private static final double AUTOMATIC_LOOK_SECONDS = 20;

  /** What the window does for them. */
  interface Screen {
    void show(MachineView view, String name);

    /** Shows the library; no machine is on the screen then. */
    void showLibrary();

    /** While something must be waited for, the window takes no input. */
    void busy(boolean waiting);

    void say(String sentence);

    /** Shows what went wrong. */
    void error(IOException problem);

    /** Shows a computer's snapshots. */
    void showTimeline(SnapshotStore store, Runnable back);
  }

  /** A machine, and where its changes go. */
  final class Running implements MachineView.Owner {
    private final RunChanges changes;
    private final Session session;
    private final MachineView view;
    private final LiveSnapshots snapshots;
    private final Rewind rewind;
    private volatile boolean saving;

    /**
     * Asks for automatic snapshots. It belongs to the machine: the toolkit holds a clock that runs,
     * and with it the machine's memory.
     */
    private final javafx.animation.Timeline clock =
        new javafx.animation.Timeline(
            new javafx.animation.KeyFrame(
                javafx.util.Duration.seconds(AUTOMATIC_LOOK_SECONDS), _ -> automatic()));

    /** What it could be as well, the likeliest first. */
    private final List<Preset> others;

    private MachineEvents.@Nullable Cause ended;

    private Running(RunChanges changes, Session session, List<Preset> others) {
      this.changes = changes;
      this.others = List.copyOf(others);
      this.session = session;
      view = new MachineView(texts, session, this);
      snapshots = new LiveSnapshots(session, changes, shownName(), this::screenFile);
      rewind = new Rewind(snapshots);
      session.flushEvery(FLUSH_INTERVAL);
      session.listen(
          new MachineEvents() {
            @Override
            public void ended(End end) {
              javafx.application.Platform.runLater(
                  () -> {
                    ended = end.cause();
                    clock.stop();
                  });
            }
          });
      if (changes instanceof MachineRun) {
        clock.setCycleCount(javafx.animation.Animation.INDEFINITE);
        clock.play();
      }
    }

    /** Takes it off the window's list; its session is closed by whoever ends it. */
    private void forget() {
      clock.stop();
      view.close();
      all.remove(this);
    }

    MachineView view() {
      return view;
    }

    RunChanges changes() {
      return changes;
    }

    String name() {
      return changes.name();
    }

    private String shownName() {
      return name().isEmpty() ? texts.get("first.demo") : name();
    }

    /** The machine's screen as it is now, in a file; null when it has none to be kept in. */
    private @Nullable Path screenFile() throws IOException {
      if (!(changes instanceof MachineRun run)) {
        return null;
      }
      view.writeScreen(run.entry().screen());
      return Files.isRegularFile(run.entry().screen()) ? run.entry().screen() : null;
    }

    @Override
    public void takeSnapshot() {
      desktop
          .jobs()
          .start(
              texts.get("timeline.take.job", shownName()),
              progress -> new Timeline(snapshots).take("", progress),
              new Jobs.Outcome<String>() {
                @Override
                public void done(String name) {
                  view.notice(texts.get("timeline.take.done"));
                }

                @Override
                public void failed(IOException problem) {
                  Dialogs.error(desktop.stage(), texts, problem);
                }
              });
    }

    @Override
    public void showTimeline() {
      view.disappear();
      shown = null;
      screen.showTimeline(snapshots, () -> show(this));
    }

    @Override
    public boolean rewinds() {
      return changes instanceof MachineRun run
          && run.entry().machine().rewind()
          && !run.files().isEmpty();
    }

    @Override
    public void rewind() {
      new RewindDialog(desktop, rewind)
          .show(
              moment ->
                  desktop
                      .jobs()
                      .start(
                          texts.get("rewind.job", shownName()),
                          progress -> {
                            rewind.goBack(moment, texts.get("rewind.before"), progress);
                            return moment;
                          },
                          Jobs.told(
                              desktop.stage(),
                              texts,
                              view::notice,
                              _ -> texts.get("rewind.done"))));
    }

    /** Its last minutes. */
    Rewind moments() {
      return rewind;
    }

    /** Its snapshots. */
    LiveSnapshots snapshots() {
      return snapshots;
    }

    /** Saves a snapshot when it is time for one. */
    private void automatic() {
      if (!live() || saving) {
        return;
      }
      saving = true;
      Thread.ofVirtual()
          .name("satchel-automatic")
          .start(
              () -> {
                try {
                  new Timeline(snapshots).automatic(Instant.now(), Progress.NONE);
                  if (rewinds()) {
                    rewind.tick(Instant.now());
                  }
                } catch (IOException | RuntimeException e) {
                  System.getLogger(Machines.class.getName())
                      .log(System.Logger.Level.WARNING, "saving a snapshot by itself", e);
                } finally {
                  saving = false;
                }
              });
    }

    boolean live() {
      MachineState state = session.machine().state();
      return state == MachineState.RUNNING || state == MachineState.PAUSED;
    }

    private boolean wrote() {
      return session.machine().status().diskWrittenBytes() > 0;
    }

    @Override
    public void leave() {
      Machines.this.leave(this);
    }

    @Override
    public void switchOff() {
      ask(this, false).ifPresent(fate -> end(this, fate, screen::showLibrary));
    }

    @Override
    public void restart() {
      Machines.this.restart(this, changes, others);
    }

    @Override
    public @Nullable String otherHardware() {
      return others.isEmpty() ? null : others.getFirst().title(texts);
    }

    @Override
    public void tryOtherHardware() {
      if (!others.isEmpty() && changes instanceof Changes picked) {
        Preset next = others.getFirst();
        Machines.this.restart(
            this,
            picked.withHardware(next.memoryMib(), next.processor()),
            others.subList(1, others.size()));
      }
    }

    @Override
    public @Nullable Path pickImage(String title) {
      return desktop.pickImage(title);
    }

    @Override
    public RecentImages media() {
      return media;
    }

    @Override
    public Path home() {
      return desktop.home();
    }

    @Override
    public Stage stage() {
      return desktop.stage();
    }
  }

  /** What a person wants done. */
  private enum Fate {
    STAY_ON,
    /** The next start goes on where it is now. */
    SAVE_STATE,
    KEEP,
    DISCARD,
    /** Nothing was written. */
    TIDY
  }

  private final Desktop desktop;
  private final Texts texts;
  private final Screen screen;
  private final RecentImages media;
  private final List<Running> all = new ArrayList<>();
  private @Nullable Running shown;

  /**
   * @param media the CDs and floppies that were put into a drive
   */
  Machines(Desktop desktop, RecentImages media, Screen screen) {
    this.media = media;
    this.desktop = desktop;
    texts = desktop.texts();
    this.screen = screen;
  }

  /** The one on the screen. */
  Optional<Running> shown() {
    return Optional.ofNullable(shown);
  }

  /** Whether none runs. */
  boolean none() {
    return all.isEmpty();
  }

  /** The run of the machine in that folder of the library. */
  Optional<Running> of(Path folder) {
    return all.stream()
        .filter(
            each -> each.changes instanceof MachineRun run && run.entry().folder().equals(folder))
        .findFirst();
  }

  /** Those behind the window that are no machines of the library. */
  List<Running> unnamed() {
    return all.stream().filter(each -> !(each.changes instanceof MachineRun)).toList();
  }

  /** Opens what {@code prepare} gives and switches it on; an error is shown. */
  void start(Questions.Opening<RunChanges> prepare, Answers known) {
    start(prepare, known, List.of());
  }

  /**
   * As {@link #start(Questions.Opening, Answers)}.
   *
   * @param others what the machine could be as well, should it not start
   */
  void start(Questions.Opening<RunChanges> prepare, Answers known, List<Preset> others) {
    work(
        texts.get("jobs.starting"),
        _ -> {
          RunChanges changes = prepare.with(known);
          try {
            Session session =
                Session.open(changes.request(), changes.slots(), new MachineEvents() {});
            if (changes instanceof MachineRun run) {
              try {
                String state = run.resume();
                if (state != null) {
                  session.startFrom(state);
                }
              } catch (IOException | RuntimeException e) {
                session.close();
                throw e;
              }
              run.started();
            }
            return new Opened(changes, session);
          } catch (IOException | RuntimeException e) {
            changes.tidy();
            throw e;
          }
        },
        opened -> begin(opened.changes, opened.session, others),
        problem -> ask(problem, known, more -> start(prepare, more, others)),
        screen::showLibrary);
  }

  private record Opened(RunChanges changes, Session session) {}

  private void begin(RunChanges changes, Session session, List<Preset> others) {
    Running running = new Running(changes, session, others);
    all.add(running);
    shown = running;
    screen.show(running.view, running.name());
    running.view.start();
  }

  /** Brings a machine that runs back to the screen. */
  void show(Running running) {
    shown = running;
    screen.show(running.view, running.name());
    running.view.appear();
  }

  private void behind(Running running) {
    running.view.disappear();
    picture(running);
    shown = null;
  }

  private void picture(Running running) {
    if (running.changes instanceof MachineRun run) {
      try {
        running.view.writeScreen(run.entry().screen());
      } catch (IOException e) {
        System.getLogger(Machines.class.getName())
            .log(System.Logger.Level.WARNING, "noting a machine's screen", e);
      }
    }
  }

  private void leave(Running running) {
    ask(running, true)
        .ifPresent(
            fate -> {
              if (fate == Fate.STAY_ON) {
                behind(running);
                screen.showLibrary();
              } else {
                end(running, fate, screen::showLibrary);
              }
            });
  }

  private void restart(Running running, RunChanges changes, List<Preset> others) {
    running.forget();
    shown = null;
    work(
        texts.get("jobs.starting"),
        _ -> {
          running.session.close();
          return Session.open(changes.request(), changes.slots(), new MachineEvents() {});
        },
        session -> begin(changes, session, others),
        screen::showLibrary);
  }

  /** Asks about every machine in turn and, when all are off, goes on with {@code next}. */
  void closeAll(Runnable next) {
    if (all.isEmpty()) {
      next.run();
      return;
    }
    Running running = shown != null ? shown : all.getLast();
    if (shown != running) {
      show(running);
    }
    ask(running, false).ifPresent(fate -> end(running, fate, () -> closeAll(next)));
  }

  private void end(Running running, Fate fate, Runnable next) {
    if (fate == Fate.SAVE_STATE) {
      saveState(running, next);
      return;
    }
    picture(running);
    running.forget();
    shown = null;
    work(
        texts.get("jobs.ending", running.name()),
        progress -> {
          running.session.close();
          switch (fate) {
            case KEEP -> running.changes.keep(progress);
            case DISCARD -> running.changes.discard();
            case TIDY, STAY_ON, SAVE_STATE -> running.changes.tidy();
          }
          return fate;
        },
        _ -> next.run(),
        next);
  }

  /** Saves the machine's state; only when that has been done it is switched off. */
  private void saveState(Running running, Runnable next) {
    work(
        texts.get("close.save.job", running.name()),
        progress -> {
          new Timeline(running.snapshots).close(texts.get("timeline.closed"), progress);
          return running;
        },
        saved -> end(saved, Fate.KEEP, next),
        () -> show(running));
  }

  /**
   * Empty when the person wants to go on as before.
   *
   * @param mayStayOn whether the machine may go on behind the window
   */
  private Optional<Fate> ask(Running running, boolean mayStayOn) {
    boolean live = running.live();
    boolean loses = running.wrote() && running.changes.file() != null;
    if (!live && !loses) {
      return Optional.of(Fate.TIDY);
    }
    if (running.ended == MachineEvents.Cause.POWERED_OFF && running.changes instanceof MachineRun) {
      // It was shut down in order, so its disk holds what it should.
      return Optional.of(Fate.KEEP);
    }
    ButtonType stay = new ButtonType(texts.get("close.running"), ButtonData.YES);
    ButtonType keep =
        new ButtonType(texts.get(live ? "close.off.keep" : "close.keep"), ButtonData.OTHER);
    ButtonType discard =
        new ButtonType(texts.get(live ? "close.off.discard" : "close.discard"), ButtonData.NO);
    ButtonType off = new ButtonType(texts.get("close.off"), ButtonData.NO);
    ButtonType save = new ButtonType(texts.get("close.save"), ButtonData.OTHER);
    ButtonType back = new ButtonType(texts.get("dialog.back"), ButtonData.CANCEL_CLOSE);
    List<ButtonType> buttons = new ArrayList<>();
    boolean savable = live && running.changes instanceof MachineRun run && !run.files().isEmpty();
    if (live && mayStayOn) {
      buttons.add(stay);
    }
    if (savable) {
      buttons.add(save);
    }
    if (live && buttons.isEmpty()) {
      buttons.add(back);
    }
    if (loses) {
      buttons.add(keep);
      buttons.add(discard);
    } else {
      buttons.add(off);
    }
    if (!buttons.contains(back)) {
      buttons.add(back);
    }
    ButtonType answer =
        Dialogs.choose(
                desktop.stage(),
                title(running, live),
                question(running, live, loses),
                buttons.toArray(ButtonType[]::new))
            .orElse(back);
    if (answer == back) {
      return Optional.empty();
    }
    return Optional.of(
        answer == stay
            ? Fate.STAY_ON
            : answer == save
                ? Fate.SAVE_STATE
                : answer == keep ? Fate.KEEP : answer == discard ? Fate.DISCARD : Fate.TIDY);
  }

  private String title(Running running, boolean live) {
    return live ? texts.get("close.title.live", running.name()) : texts.get("close.title");
  }

  private String question(Running running, boolean live, boolean loses) {
    StringBuilder text = new StringBuilder();
    if (live) {
      text.append(texts.get("close.text.live"));
      if (running.changes instanceof MachineRun run && !run.files().isEmpty()) {
        text.append("\n\n").append(texts.get("close.text.save"));
      }
    }
    Path file = running.changes.file();
    if (loses && file != null) {
      text.append(text.isEmpty() ? "" : "\n\n");
      text.append(
          running.changes instanceof MachineRun
              ? texts.get("close.text.machine")
              : texts.get(
                  running.changes.layered() ? "close.text.again" : "close.text",
                  file.getFileName()));
    }
    return text.toString();
  }

  /** Keeps or throws away what an interrupted machine left. */
  void settle(Questions.Opening<MachineRun> left, boolean keep, Answers known) {
    work(
        texts.get("jobs.settling"),
        progress -> {
          MachineRun run = left.with(known);
          if (keep) {
            run.keep(progress);
          } else {
            run.discard();
          }
          return run;
        },
        run -> {
          screen.say(texts.get(keep ? "library.kept" : "library.discarded", run.name()));
          screen.showLibrary();
        },
        problem -> ask(problem, known, more -> settle(left, keep, more)),
        screen::showLibrary);
  }

  /** What the images raise is asked; anything else is shown. */
  private void ask(IOException problem, Answers known, Consumer<Answers> again) {
    new Questions(desktop)
        .answer(
            problem,
            known,
            again,
            remaining -> {
              if (!(remaining instanceof Cancelled)) {
                screen.error(remaining);
              }
              screen.showLibrary();
            });
  }

  /** A problem that one of these machines causes says which. */
  IOException named(IOException problem) {
    if (problem instanceof ImageException image && image.kind() == ImageException.Kind.IN_USE) {
      for (Running each : all) {
        if (each.session.uses(Path.of(image.file()))) {
          return new Problem("error.held", problem, image.file(), each.shownName());
        }
      }
    }
    return problem;
  }

  private <T> void work(String title, Jobs.Work<T> work, Consumer<T> done, Runnable otherwise) {
    work(
        title,
        work,
        done,
        problem -> {
          screen.error(problem);
          otherwise.run();
        },
        otherwise);
  }

  /** Work that the window waits for; it is in the list of tasks and can be stopped there. */
  private <T> void work(
      String title,
      Jobs.Work<T> work,
      Consumer<T> done,
      Consumer<IOException> failed,
      Runnable cancelled) {
    screen.busy(true);
    desktop
        .jobs()
        .start(
            title,
            (Progress progress) -> work.run(progress),
            new Jobs.Outcome<T>() {
              @Override
              public void done(T result) {
                screen.busy(false);
                done.accept(result);
              }

              @Override
              public void failed(IOException problem) {
                screen.busy(false);
                failed.accept(problem);
              }

              @Override
              public void cancelled() {
                screen.busy(false);
                screen.say(texts.get("jobs.cancelled"));
                cancelled.run();
              }
            });
  }
}
