package io.satchel.app.library;

import io.satchel.app.common.Controls;
import io.satchel.app.library.Library.Entry;
import io.satchel.resources.Texts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import javafx.application.Platform;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Hyperlink;
import javafx.scene.control.Label;
import javafx.scene.control.MenuButton;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.SeparatorMenuItem;
import javafx.scene.control.TextField;
import javafx.scene.control.Tooltip;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyCodeCombination;
import javafx.scene.input.KeyCombination;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import javafx.scene.text.TextAlignment;

/** The first page: the machines that are kept as cards, or what to do when there are none. */
public final class LibraryView extends BorderPane {

  private static final KeyCombination OPEN =
      new KeyCodeCombination(KeyCode.O, KeyCombination.SHORTCUT_DOWN);
  private static final KeyCombination CREATE =
      new KeyCodeCombination(KeyCode.N, KeyCombination.SHORTCUT_DOWN);
  private static final KeyCombination SEARCH =
      new KeyCodeCombination(KeyCode.F, KeyCombination.SHORTCUT_DOWN);
  private static final double TEXT_WIDTH = 560;
  private static final double BUTTON_WIDTH = 340;

  private final Desktop desktop;
  private final Texts texts;
  private final Controls controls;
  private final LibraryActions actions;
  private final List<MachineCard> cards = new ArrayList<>();
  private final FlowPane shelf = new FlowPane(16, 16);
  private final Label none = new Label();
  private final TextField search = new TextField();
  private final Button open;

  /**
   * @param recent images that were opened before, the newest first
   */
  public LibraryView(
      Desktop desktop, List<Entry> entries, List<Path> recent, LibraryActions actions) {
    this.desktop = desktop;
    texts = desktop.texts();
    controls = new Controls(texts);
    this.actions = actions;
    setId("library");
    open = controls.button("open", "library.open", OPEN, actions::open);
    addEventFilter(KeyEvent.KEY_PRESSED, this::shortcut);
    if (entries.isEmpty()) {
      setCenter(empty(recent));
    } else {
      setTop(head());
      setCenter(filled(entries, recent));
      filter();
    }
  }

  private void shortcut(KeyEvent event) {
    if (OPEN.match(event)) {
      event.consume();
      actions.open();
    } else if (CREATE.match(event)) {
      event.consume();
      actions.create();
    } else if (SEARCH.match(event)) {
      event.consume();
      search.requestFocus();
    }
  }

  /** Puts the keyboard's focus on the likeliest place. */
  public void focusFirst() {
    // What a scroll pane holds is in the scene only after its first layout.
    Platform.runLater(
        () -> {
          if (cards.isEmpty()) {
            open.requestFocus();
          } else {
            cards.getFirst().focusFirst();
          }
        });
  }

  // --- Nothing is kept yet ---

  private Node empty(List<Path> recent) {
    Label title = new Label(texts.get("first.title"));
    title.getStyleClass().add("first-title");
    open.setPrefWidth(BUTTON_WIDTH);
    open.getStyleClass().add("big-button");
    open.setDefaultButton(true);
    Button create = controls.button("create", "library.create", CREATE, actions::create);
    create.setPrefWidth(BUTTON_WIDTH);
    create.getStyleClass().add("big-button");
    VBox all =
        new VBox(
            16,
            title,
            centred("library.empty"),
            open,
            create,
            centred("first.safe"),
            controls.link("demo", "first.demo", actions::demo));
    actions.others().forEach(other -> all.getChildren().add(other(other)));
    if (!recent.isEmpty()) {
      all.getChildren().add(recent(recent));
    }
    all.getChildren().add(more());
    all.setAlignment(Pos.CENTER);
    all.setPadding(new Insets(32));
    ScrollPane scroll = scroll(all);
    scroll.setFitToHeight(true);
    return scroll;
  }

  private Label centred(String key) {
    Label label = controls.text(key);
    label.setMaxWidth(TEXT_WIDTH);
    label.setTextAlignment(TextAlignment.CENTER);
    return label;
  }

  // --- Machines are kept ---

  private Node head() {
    search.setId("search");
    search.setPromptText(texts.get("library.search"));
    search.setAccessibleText(texts.get("library.search"));
    search.textProperty().addListener((_, _, _) -> filter());
    search.addEventHandler(
        KeyEvent.KEY_PRESSED,
        event -> {
          if (event.getCode() == KeyCode.ESCAPE) {
            search.clear();
          }
        });
    Region space = new Region();
    HBox.setHgrow(space, Priority.ALWAYS);
    HBox head =
        new HBox(
            10,
            open,
            controls.button("create", "library.create", CREATE, actions::create),
            more(),
            space,
            search);
    head.setAlignment(Pos.CENTER_LEFT);
    head.setPadding(new Insets(10, 16, 10, 16));
    head.getStyleClass().add("library-head");
    return head;
  }

  private MenuButton more() {
    return controls.menu(
        "more",
        "library.more",
        controls.item("adopt", "library.adopt", actions::adopt),
        controls.item("from-qemu", "library.fromQemu", actions::fromQemu),
        new SeparatorMenuItem(),
        controls.item("new-disk", "library.newDisk", actions::newDisk),
        controls.item("convert-disk", "library.convert", actions::convertDisk),
        controls.item("compact-disk", "library.compact", actions::compactDisk),
        controls.item("check-disk", "library.check", actions::checkDisk),
        controls.item("resize-disk", "library.resize", actions::resizeDisk),
        controls.item("encrypt-disk", "library.encrypt", actions::encryptDisk),
        controls.item("commit-disk", "library.commit", actions::commitDisk),
        controls.item("rebase-disk", "library.rebase", actions::rebaseDisk),
        controls.item("snapshots-disk", "library.snapshots", actions::snapshotsOfDisk),
        controls.item("inside-disk", "library.inside", actions::lookInsideDisk),
        controls.item("compact-library", "library.compactAll", actions::compactLibrary),
        new SeparatorMenuItem(),
        controls.item("preferences", "library.preferences", actions::preferences),
        controls.item("shortcuts", "library.shortcuts", actions::shortcuts),
        controls.item("diagnostics", "library.diagnostics", actions::diagnostics),
        controls.item("demo-item", "first.demo", actions::demo));
  }

  private Node filled(List<Entry> entries, List<Path> recent) {
    VBox all = new VBox(16);
    all.setPadding(new Insets(16));
    actions.others().forEach(other -> all.getChildren().add(other(other)));
    for (Entry entry : entries) {
      if (MachineRun.interrupted(entry) && !actions.running(entry)) {
        all.getChildren().add(interrupted(entry));
      }
      cards.add(new MachineCard(desktop, entry, actions));
    }
    none.setText(texts.get("library.none"));
    none.setId("none");
    all.getChildren().addAll(shelf, none);
    if (!recent.isEmpty()) {
      all.getChildren().add(recent(recent));
    }
    return scroll(all);
  }

  private static ScrollPane scroll(Node content) {
    ScrollPane scroll = new ScrollPane(content);
    scroll.setFitToWidth(true);
    scroll.setFocusTraversable(false);
    scroll.getStyleClass().add("page-scroll");
    return scroll;
  }

  /** A machine that goes on behind the window and has no card. */
  private Node other(LibraryActions.Other other) {
    Button show = controls.button("show-other", "card.show", other.show());
    show.setAccessibleText(texts.get("card.show") + " " + other.name());
    HBox line = new HBox(10, new Label(texts.get("library.other", other.name())), show);
    line.setAlignment(Pos.CENTER);
    line.setId("other");
    return line;
  }

  private Node interrupted(Entry entry) {
    Label text = controls.text("library.interrupted", entry.name());
    FlowPane buttons =
        new FlowPane(
            10,
            8,
            controls.button("go-on", "library.interrupted.on", () -> actions.start(entry)),
            controls.button(
                "keep-left", "library.interrupted.keep", () -> actions.keepInterrupted(entry)),
            controls.button(
                "discard-left",
                "library.interrupted.discard",
                () -> actions.discardInterrupted(entry)));
    VBox banner = new VBox(8, text, buttons);
    banner.getStyleClass().add("warning");
    banner.setId("interrupted");
    return banner;
  }

  private Node recent(List<Path> images) {
    FlowPane links = new FlowPane(12, 2);
    for (Path image : images) {
      Hyperlink link = new Hyperlink(image.getFileName().toString());
      link.setTooltip(new Tooltip(image.toString()));
      link.setAccessibleText(texts.get("first.recent.open", image.getFileName()));
      link.setAccessibleHelp(image.toString());
      link.setOnAction(_ -> actions.open(image));
      links.getChildren().add(link);
    }
    if (cards.isEmpty()) {
      links.setAlignment(Pos.CENTER);
    }
    VBox list = new VBox(2, new Label(texts.get("first.recent")), links);
    list.setAlignment(cards.isEmpty() ? Pos.CENTER : Pos.CENTER_LEFT);
    list.setId("recent");
    return list;
  }

  private void filter() {
    String wanted = search.getText().strip().toLowerCase(Locale.ROOT);
    shelf.getChildren().setAll(cards.stream().filter(card -> card.matches(wanted)).toList());
    none.setVisible(shelf.getChildren().isEmpty());
    none.setManaged(none.isVisible());
  }
}
