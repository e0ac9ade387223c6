package io.satchel.app.snapshots;

import io.satchel.app.common.Choices;
import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.Lookup;
import io.satchel.app.common.OutcomeLabel;
import io.satchel.app.common.Page;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Conversion;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.DiskLook;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.snapshots.TimelineModel.Node;
import io.satchel.image.OpenedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import javafx.application.Platform;
import javafx.geometry.Pos;
import javafx.scene.control.Button;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.TextArea;
import javafx.scene.control.TextField;
import javafx.scene.image.Image;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import org.jspecify.annotations.Nullable;

/** A computer's snapshots, and what can be done with the one that is chosen. */
public final class TimelinePage extends Page {

  private static final List<Integer> INTERVALS = List.of(0, 5, 10, 30, 60);
  private static final int NOTE_ROWS = 3;

  /** What leads away from the page. */
  public interface Ways {
    /** Shows the files of disks. */
    void lookInside(List<DiskLook> disks, String title);

    /** Shows how two states of the disks differ; the older one first. */
    void compare(List<DiskLook> older, List<DiskLook> newer, String olderName, String newerName);

    /** A machine was made. */
    void made(Entry entry);
  }

  private final Desktop desktop;
  private final Timeline timeline;
  private final Ways ways;
  private final TimelineView view;
  private final ScrollPane scroll;
  private final OutcomeLabel outcome = new OutcomeLabel();
  private final Label chosenName = new Label();
  private final Label chosenNote = Controls.paragraph("");
  private final FlowPane doing = new FlowPane(10, 8);
  private final ComboBox<Integer> every;
  private final Button take;
  private TimelineModel model;
  private @Nullable Node chosen;
  private boolean filling;

  public TimelinePage(Desktop desktop, Timeline timeline, Ways ways, Runnable back) {
    super(desktop.texts(), desktop.texts().get("timeline.title", timeline.store().name()), back);
    this.desktop = desktop;
    this.timeline = timeline;
    this.ways = ways;
    setId("timeline-page");
    model = new TimelineModel(List.of(), 1, null, null);
    view = new TimelineView(texts, this::choose);
    scroll = new ScrollPane(view);
    scroll.setFocusTraversable(false);
    scroll.getStyleClass().addAll("page-scroll", "timeline-scroll");
    scroll.setVbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
    scroll.setMinHeight(Region.USE_PREF_SIZE);
    chosenName.getStyleClass().add("section-title");
    chosenName.setId("chosen");
    chosenName.setWrapText(true);
    chosenNote.setId("note-text");
    chosenNote.getStyleClass().add("quiet");
    chosenNote.managedProperty().bind(chosenNote.visibleProperty());
    every =
        Choices.of(
            "every",
            INTERVALS,
            minutes ->
                minutes == 0
                    ? texts.get("timeline.every.never")
                    : texts.get("timeline.every.minutes", minutes));
    every.setAccessibleText(texts.get("timeline.every"));
    every.setOnAction(_ -> keepInterval());
    take = controls.button("take", "timeline.take", this::take);
    SnapshotStore store = timeline.store();
    VBox about =
        new VBox(
            4,
            controls.text(
                store.live()
                    ? "timeline.text.live"
                    : store.entry() == null ? "timeline.text.image" : "timeline.text.off"));
    if (store.live() && store.entry() == null) {
      about.getChildren().add(controls.help("timeline.text.passing"));
    }
    add(about, scroll, outcome, new VBox(6, chosenName, chosenNote, doing));
    if (store.entry() != null) {
      Label label = new Label(texts.get("timeline.every"));
      label.setLabelFor(every);
      HBox row = new HBox(10, label, every);
      row.setAlignment(Pos.CENTER_LEFT);
      add(row, controls.help("timeline.every.help"));
    }
    actions(take);
    addEventHandler(
        KeyEvent.KEY_PRESSED,
        event -> {
          if (event.getCode() == KeyCode.DELETE && chosen != null) {
            event.consume();
            delete(chosen);
          } else if (event.getCode() == KeyCode.F2 && chosen != null) {
            event.consume();
            rename(chosen);
          }
        });
    refresh(null);
  }

  // --- What is shown ---

  private void refresh(@Nullable String choose) {
    look(
        timeline::look,
        found -> {
          model = found;
          view.show(found);
          filling = true;
          int minutes = timeline.store().file().everyMinutes();
          every.setValue(INTERVALS.contains(minutes) ? minutes : 0);
          filling = false;
          if (choose != null) {
            view.choose(choose);
          }
          pictures(found);
        });
  }

  private void pictures(TimelineModel found) {
    Thread.ofVirtual()
        .name("satchel-pictures")
        .start(
            () -> {
              try {
                Path screen = timeline.store().screen();
                if (screen != null) {
                  byte[] bytes = Files.readAllBytes(screen);
                  Platform.runLater(() -> view.picture(null, image(bytes)));
                }
              } catch (IOException e) {
                log(e);
              }
              for (Node node : found.nodes()) {
                try {
                  byte[] bytes = timeline.store().picture(node.snapshot());
                  if (bytes != null) {
                    Platform.runLater(() -> view.picture(node.snapshot().name(), image(bytes)));
                  }
                } catch (IOException e) {
                  // One that another program saved has no picture.
                  log(e);
                }
              }
            });
  }

  private static Image image(byte[] png) {
    return new Image(new ByteArrayInputStream(png));
  }

  private static void log(IOException e) {
    System.getLogger(TimelinePage.class.getName())
        .log(System.Logger.Level.DEBUG, "the picture of a snapshot", e);
  }

  private void choose(@Nullable Node node) {
    chosen = node;
    SnapshotStore store = timeline.store();
    List<javafx.scene.Node> buttons = new ArrayList<>();
    if (node == null) {
      chosenName.setText(texts.get("timeline.now"));
      chosenNote.setText(
          texts.get(
              model.resume() == null
                  ? model.nodes().isEmpty() ? "timeline.none" : "timeline.now.about"
                  : "timeline.now.saved.about"));
      chosenNote.setVisible(true);
      if (!store.live()) {
        buttons.add(controls.button("inside", "timeline.inside", () -> inside(null)));
      }
    } else {
      chosenName.setText(name(node));
      String kind = node.diskOnly() ? texts.get("timeline.diskOnly.help") : "";
      chosenNote.setText((node.note() + "\n" + kind).strip());
      chosenNote.setVisible(!chosenNote.getText().isEmpty());
      Button back = controls.button("restore", "timeline.restore", () -> goBack(node));
      back.setDisable(node.diskOnly() && store.live());
      buttons.add(back);
      if (store.entry() != null) {
        buttons.add(controls.button("branch", "timeline.branch", () -> branch(node)));
        buttons.add(controls.button("rename", "timeline.rename", () -> rename(node)));
      }
      buttons.add(controls.button("compare", "timeline.compare", () -> compare(node)));
      buttons.add(controls.button("inside", "timeline.inside", () -> inside(node)));
      buttons.add(controls.button("export", "timeline.export", () -> export(node)));
      buttons.add(controls.button("delete", "timeline.delete", () -> delete(node)));
    }
    doing.getChildren().setAll(buttons);
    // The width is known after the next layout.
    Platform.runLater(() -> reveal(node == null ? null : node.snapshot().name()));
  }

  /** Scrolls to what was chosen. */
  private void reveal(@Nullable String name) {
    double shown = scroll.getViewportBounds().getWidth();
    double hidden = view.prefWidth(-1) - shown;
    if (hidden > 0) {
      scroll.setHvalue(Math.clamp((view.middle(name) - shown / 2) / hidden, 0, 1));
    }
  }

  private String name(Node node) {
    return node.shown(node.automatic() ? texts.get("timeline.automatic.title") : "");
  }

  // --- Work ---

  private <T> void look(Callable<T> work, Consumer<T> next) {
    Lookup.start(texts, work, next, problem -> outcome.failed(texts, problem));
  }

  private <T> void work(String title, Jobs.Work<T> work, Consumer<T> next) {
    waiting(true);
    outcome.say(texts.get("timeline.working"), true);
    desktop
        .jobs()
        .start(
            title,
            work,
            new Jobs.Outcome<T>() {
              @Override
              public void done(T result) {
                waiting(false);
                outcome.clear();
                next.accept(result);
              }

              @Override
              public void failed(IOException problem) {
                waiting(false);
                refresh(null);
                outcome.failed(texts, problem);
              }

              @Override
              public void cancelled() {
                waiting(false);
                refresh(null);
                outcome.say(texts.get("jobs.cancelled"), true);
              }
            });
  }

  private void waiting(boolean on) {
    take.setDisable(on);
    doing.setDisable(on);
    every.setDisable(on);
  }

  private void keepInterval() {
    Integer minutes = every.getValue();
    if (!filling && minutes != null) {
      look(
          () -> {
            timeline.every(minutes);
            return minutes;
          },
          _ -> outcome.clear());
    }
  }

  // --- What a person does ---

  private void take() {
    TextField title = new TextField();
    title.setId("title");
    title.setPromptText(texts.get("timeline.take.example"));
    VBox form =
        new VBox(
            10,
            controls.field("timeline.take.name", title),
            controls.help(
                timeline.store().live() ? "timeline.take.live" : "timeline.take.diskOnly"));
    if (Dialogs.form(
        desktop.stage(),
        texts,
        texts.get("timeline.take.title"),
        form,
        texts.get("timeline.take.yes"))) {
      String wanted = title.getText();
      work(
          texts.get("timeline.take.job", timeline.store().name()),
          progress -> timeline.take(wanted, progress),
          name -> {
            refresh(name);
            outcome.say(texts.get("timeline.take.done"), true);
          });
    }
  }

  private void goBack(Node node) {
    String title = texts.get("timeline.restore.kept", name(node));
    if (!Dialogs.form(
        desktop.stage(),
        texts,
        texts.get("timeline.restore.title", name(node)),
        controls.text("timeline.restore.text"),
        texts.get("timeline.restore.yes"))) {
      return;
    }
    work(
        texts.get("timeline.restore.job", timeline.store().name()),
        progress -> {
          timeline.goBack(node.snapshot(), title, progress);
          return node;
        },
        _ -> {
          refresh(null);
          boolean starts = !timeline.store().live() && !node.diskOnly();
          outcome.say(
              texts.get(
                  starts ? "timeline.restore.done.start" : "timeline.restore.done", name(node)),
              true);
        });
  }

  private void branch(Node node) {
    Entry entry = timeline.store().entry();
    if (entry == null) {
      return;
    }
    TextField name = new TextField(texts.get("timeline.branch.suggested", entry.name()));
    name.setId("name");
    VBox form =
        new VBox(10, controls.field("duplicate.name", name), controls.help("timeline.branch.help"));
    if (!Dialogs.form(
            desktop.stage(),
            texts,
            texts.get("timeline.branch.title", name(node)),
            form,
            texts.get("timeline.branch.yes"))
        || name.getText().isBlank()) {
      return;
    }
    String called = name.getText().strip();
    work(
        texts.get("timeline.branch.job", called),
        progress ->
            desktop
                .library()
                .branch(
                    entry,
                    timeline.store().layers(),
                    node.snapshot().name(),
                    !node.diskOnly(),
                    called,
                    timeline.store().answers(),
                    progress),
        made -> {
          outcome.say(texts.get("timeline.branch.done", made.name()), true);
          ways.made(made);
        });
  }

  private void rename(Node node) {
    TextField title = new TextField(node.title());
    title.setId("title");
    title.setPromptText(node.snapshot().name());
    TextArea note = new TextArea(node.note());
    note.setId("note");
    note.setPrefRowCount(NOTE_ROWS);
    note.setWrapText(true);
    VBox form =
        new VBox(
            10, controls.field("timeline.take.name", title), controls.field("timeline.note", note));
    if (Dialogs.form(
        desktop.stage(),
        texts,
        texts.get("timeline.rename.title"),
        form,
        texts.get("timeline.rename.yes"))) {
      look(
          () -> {
            timeline.name(node, title.getText(), note.getText());
            return node.snapshot().name();
          },
          this::refresh);
    }
  }

  private void compare(Node node) {
    List<Node> others = new ArrayList<>(model.nodes());
    others.remove(node);
    boolean present = !timeline.store().live();
    if (others.isEmpty() && !present) {
      Dialogs.tell(
          desktop.stage(),
          texts,
          texts.get("timeline.compare.title", name(node)),
          texts.get("timeline.compare.none"));
      return;
    }
    List<Object> choices = new ArrayList<>(others);
    if (present) {
      choices.add(texts.get("timeline.now"));
    }
    ComboBox<Object> other =
        Choices.of("other", choices, each -> each instanceof Node it ? entry(it) : "" + each);
    Object parent = model.node(node.parent()).orElse(null);
    other.setValue(parent == null ? choices.getLast() : parent);
    other.setMaxWidth(Double.MAX_VALUE);
    VBox form = new VBox(10, controls.field("timeline.compare.with", other));
    if (!Dialogs.form(
        desktop.stage(),
        texts,
        texts.get("timeline.compare.title", name(node)),
        form,
        texts.get("timeline.compare.yes"))) {
      return;
    }
    if (other.getValue() instanceof Node second) {
      boolean first = node.column() < second.column();
      differ(first ? node : second, first ? second : node);
    } else {
      differ(node, null);
    }
  }

  private String entry(Node node) {
    return name(node) + " \u2013 " + TimelineView.moment(texts, node.snapshot().time());
  }

  private record Two(List<DiskLook> older, List<DiskLook> newer) {}

  private void differ(Node older, @Nullable Node newer) {
    SnapshotStore store = timeline.store();
    look(
        () ->
            new Two(
                store.disks(older.snapshot().name()),
                store.disks(newer == null ? null : newer.snapshot().name())),
        two ->
            ways.compare(
                two.older,
                two.newer,
                name(older),
                newer == null ? texts.get("timeline.now") : name(newer)));
  }

  private void inside(@Nullable Node node) {
    look(
        () -> timeline.store().disks(node == null ? null : node.snapshot().name()),
        disks -> ways.lookInside(disks, node == null ? timeline.store().name() : name(node)));
  }

  private void export(Node node) {
    ComboBox<String> format =
        Choices.of("format", Conversion.FORMATS, each -> texts.get("format." + each));
    format.getSelectionModel().selectFirst();
    VBox form =
        new VBox(
            12, controls.field("export.format", format), controls.help("timeline.export.help"));
    if (!Dialogs.form(
        desktop.stage(),
        texts,
        texts.get("export.title", name(node)),
        form,
        texts.get("export.yes"))) {
      return;
    }
    String kind = format.getValue();
    Path target =
        desktop
            .picker()
            .save(
                desktop.stage(),
                texts.get("export.title", name(node)),
                "snapshot." + Conversion.extension(kind));
    if (target == null) {
      return;
    }
    work(
        texts.get("export.job", name(node), target.getFileName()),
        progress -> {
          List<DiskLook> disks = timeline.store().disks(node.snapshot().name());
          try (OpenedImage source = disks.getFirst().open()) {
            Conversion.run(source, target, kind, false, progress);
          }
          return Files.size(target);
        },
        size -> outcome.say(texts.get("export.done", target, Sizes.of(size)), true));
  }

  private void delete(Node node) {
    if (!Dialogs.danger(
        desktop.stage(),
        texts,
        texts.get("timeline.delete.title", name(node)),
        controls.text("timeline.delete.text", Sizes.of(node.snapshot().stateBytes())),
        texts.get("timeline.delete.yes"))) {
      return;
    }
    work(
        texts.get("timeline.delete.job", timeline.store().name()),
        _ -> timeline.delete(node.snapshot().name()),
        freed -> {
          refresh(null);
          outcome.say(texts.get("timeline.delete.done", name(node), Sizes.of(freed)), true);
        });
  }
}
