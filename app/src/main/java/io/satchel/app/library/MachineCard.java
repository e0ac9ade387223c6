package io.satchel.app.library;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.preset.Preset;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.format.FormatStyle;
import java.util.Locale;
import javafx.geometry.Pos;
import javafx.scene.AccessibleRole;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.MenuButton;
import javafx.scene.control.SeparatorMenuItem;
import javafx.scene.control.Tooltip;
import javafx.scene.image.Image;
import javafx.scene.image.ImageView;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;

/** One machine of the library: its last screen, its name, what it is, and what can be done. */
final class MachineCard extends VBox {

  private static final double WIDTH = 244;
  private static final double SCREEN_WIDTH = 224;
  private static final double SCREEN_HEIGHT = 168;

  private final Texts texts;
  private final Entry entry;
  private final String words;
  private final Button start;

  MachineCard(Desktop desktop, Entry entry, LibraryActions actions) {
    super(6);
    texts = desktop.texts();
    this.entry = entry;
    Controls controls = new Controls(texts);
    getStyleClass().add("card");
    setPrefWidth(WIDTH);
    setMaxWidth(WIDTH);
    Label name = new Label(entry.name());
    name.getStyleClass().add("card-name");
    name.setWrapText(true);
    name.setMinHeight(Region.USE_PREF_SIZE);
    boolean broken = entry.file() == null || entry.problem() != null;
    String system = system(desktop);
    words = (entry.name() + " " + system + notes()).toLowerCase(Locale.ROOT);
    boolean running = actions.running(entry);
    boolean saved = !broken && !running && TimelineFile.read(entry.folder()).resume() != null;
    String startKey =
        broken ? "card.repair" : running ? "card.show" : saved ? "card.resume" : "card.start";
    Runnable action = broken ? () -> actions.repair(entry) : () -> actions.start(entry);
    start = controls.button("start", startKey, action);
    start.setAccessibleText(texts.get(startKey) + " " + entry.name());
    HBox.setHgrow(start, Priority.ALWAYS);
    start.setMaxWidth(Double.MAX_VALUE);
    HBox buttons = new HBox(8, start, menu(controls, actions, broken, running, saved));
    getChildren().addAll(screen(running), name, line(system));
    if (broken) {
      Label warning = line(texts.get("card.broken"));
      warning.getStyleClass().setAll("label", "warning");
      getChildren().add(warning);
    } else {
      getChildren().addAll(line(size()), line(used()));
    }
    Region space = new Region();
    VBox.setVgrow(space, Priority.ALWAYS);
    getChildren().addAll(space, buttons);
    setAccessibleRole(AccessibleRole.PARENT);
    setAccessibleText(entry.name());
    addEventHandler(KeyEvent.KEY_PRESSED, event -> key(event, actions, broken));
  }

  private void key(KeyEvent event, LibraryActions actions, boolean broken) {
    if (event.getCode() == KeyCode.F2 && !broken) {
      event.consume();
      actions.rename(entry);
    } else if (event.getCode() == KeyCode.DELETE) {
      event.consume();
      actions.remove(entry);
    }
  }

  void focusFirst() {
    start.requestFocus();
  }

  /** Whether the search's words are in its name, system or notes. */
  boolean matches(String wanted) {
    return words.contains(wanted);
  }

  private String notes() {
    return entry.file() == null ? "" : " " + entry.file().notes();
  }

  private String system(Desktop desktop) {
    MachineFile file = entry.file();
    if (file == null) {
      return texts.get("card.unreadable");
    }
    Preset preset = desktop.presets().orUnknown(file.preset());
    return preset.id().equals(io.satchel.app.preset.Presets.UNKNOWN)
        ? texts.get("card.system.unknown")
        : preset.title(texts);
  }

  private static Label line(String text) {
    Label label = Controls.paragraph(text);
    label.getStyleClass().add("quiet");
    return label;
  }

  private String size() {
    try {
      return texts.get(
          "card.size",
          Sizes.of(Library.size(entry)),
          Sizes.of(entry.machine().memoryMib() * 1048576L));
    } catch (IOException _) {
      return texts.get("card.size.unknown");
    }
  }

  private String used() {
    Instant last = entry.machine().lastUsed();
    if (last == null) {
      return texts.get("card.never");
    }
    DateTimeFormatter format =
        DateTimeFormatter.ofLocalizedDateTime(FormatStyle.MEDIUM, FormatStyle.SHORT)
            .withLocale(texts.chinese() ? Locale.SIMPLIFIED_CHINESE : Locale.ENGLISH);
    return texts.get("card.used", last.atZone(ZoneId.systemDefault()).format(format));
  }

  private Node screen(boolean running) {
    StackPane frame = new StackPane();
    frame.getStyleClass().add("card-screen");
    frame.setMinSize(SCREEN_WIDTH, SCREEN_HEIGHT);
    frame.setMaxSize(SCREEN_WIDTH, SCREEN_HEIGHT);
    if (Files.isRegularFile(entry.screen())) {
      ImageView view =
          new ImageView(
              new Image(
                  entry.screen().toUri().toString(),
                  SCREEN_WIDTH,
                  SCREEN_HEIGHT,
                  true,
                  true,
                  true));
      view.setAccessibleText(texts.get("card.screen", entry.name()));
      frame.getChildren().add(view);
    } else {
      Label text = new Label(texts.get("card.noscreen"));
      text.getStyleClass().add("card-screen-text");
      frame.getChildren().add(text);
    }
    if (running) {
      Label badge = new Label(texts.get("card.running"));
      badge.getStyleClass().add("warning");
      StackPane.setAlignment(badge, Pos.TOP_RIGHT);
      frame.getChildren().add(badge);
    }
    return frame;
  }

  private MenuButton menu(
      Controls controls, LibraryActions actions, boolean broken, boolean running, boolean saved) {
    MenuButton menu = controls.menu("card-more", "card.more");
    menu.setAccessibleText(texts.get("card.more.of", entry.name()));
    if (broken) {
      menu.getItems().add(controls.item("remove", "card.remove", () -> actions.remove(entry)));
      return menu;
    }
    menu.getItems()
        .addAll(
            controls.item("settings", "card.settings", () -> actions.settings(entry)),
            controls.item("rename", "card.rename", () -> actions.rename(entry)),
            controls.item("duplicate", "card.duplicate", () -> actions.duplicate(entry)),
            controls.item("export", "card.export", () -> actions.export(entry)),
            controls.item("move", "card.move", () -> actions.move(entry)),
            new SeparatorMenuItem(),
            controls.item("inside", "card.inside", () -> actions.lookInside(entry)),
            controls.item("compact", "card.compact", () -> actions.compact(entry)),
            controls.item("commit", "card.commit", () -> actions.commit(entry)),
            controls.item("alone", "card.alone", () -> actions.standAlone(entry)),
            controls.item("encrypt", "card.encrypt", () -> actions.encrypt(entry)),
            controls.item("check", "card.check", () -> actions.check(entry)),
            controls.item("resize", "card.resize", () -> actions.resize(entry)),
            new SeparatorMenuItem(),
            controls.item("remove", "card.remove", () -> actions.remove(entry)));
    menu.getItems()
        .addFirst(controls.item("snapshots", "card.snapshots", () -> actions.snapshots(entry)));
    if (saved) {
      menu.getItems()
          .addFirst(controls.item("afresh", "card.afresh", () -> actions.startAfresh(entry)));
    }
    if (running) {
      // What changes a machine's files waits until it is off.
      menu.getItems().stream()
          .filter(item -> !"snapshots".equals(item.getId()))
          .forEach(item -> item.setDisable(true));
      menu.setTooltip(new Tooltip(texts.get("card.more.running")));
      menu.setAccessibleHelp(texts.get("card.more.running"));
    }
    return menu;
  }
}
