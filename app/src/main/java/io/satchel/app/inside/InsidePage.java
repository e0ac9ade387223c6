package io.satchel.app.inside;

import io.satchel.app.common.Choices;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.Lookup;
import io.satchel.app.common.OutcomeLabel;
import io.satchel.app.common.Page;
import io.satchel.app.common.Sizes;
import io.satchel.app.inside.InsideModel.Place;
import io.satchel.app.library.Desktop;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Entry;
import io.satchel.image.fs.FileSystem.Type;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.Function;
import javafx.beans.property.ReadOnlyStringWrapper;
import javafx.collections.ListChangeListener;
import javafx.geometry.Pos;
import javafx.scene.control.Button;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;
import javafx.scene.control.SelectionMode;
import javafx.scene.control.TableColumn;
import javafx.scene.control.TableRow;
import javafx.scene.control.TableView;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import org.jspecify.annotations.Nullable;

/** A file browser over a disk image or a snapshot of it. Nothing is written to the image. */
public final class InsidePage extends Page {

  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT);
  private static final double TABLE_HEIGHT = 400;

  private final Desktop desktop;
  private final InsideModel model;
  private final OutcomeLabel outcome = new OutcomeLabel();
  private final Label where = new Label("/");
  private final TableView<Entry> table = new TableView<>();
  private final Button up;
  private final Button copy;
  private final ComboBox<Place> places;
  private String path = "/";

  public InsidePage(Desktop desktop, InsideModel model, String title, Runnable back) {
    super(desktop.texts(), desktop.texts().get("inside.title", title), back);
    this.desktop = desktop;
    this.model = model;
    setId("inside-page");
    up = controls.button("up", "inside.up", () -> go(InsideModel.above(path)));
    copy = controls.button("copy-out", "inside.copy", this::copyOut);
    copy.setDisable(true);
    where.setId("where");
    where.setWrapText(true);
    places = Choices.of("place", List.of(), this::named);
    places.setAccessibleText(texts.get("inside.place"));
    HBox.setHgrow(where, Priority.ALWAYS);
    HBox row = new HBox(10, places, up, where);
    row.setAlignment(Pos.CENTER_LEFT);
    table();
    add(controls.text("inside.text"), row, table, outcome);
    VBox.setVgrow(table, Priority.ALWAYS);
    actions(copy);
    look(model::places, this::found);
  }

  private String named(Place place) {
    return place.partition() == 0
        ? place.title()
        : texts.get("inside.partition", place.partition(), place.title());
  }

  private void found(List<Place> all) {
    if (all.isEmpty()) {
      outcome.say(texts.get("inside.none"), false);
      places.setDisable(true);
      up.setDisable(true);
      return;
    }
    places.getItems().setAll(all);
    places.valueProperty().addListener((_, _, _) -> go("/"));
    places.setValue(all.getFirst());
  }

  private void table() {
    table.setId("files");
    table.setAccessibleText(texts.get("inside.files"));
    table.setPrefHeight(TABLE_HEIGHT);
    table.getSelectionModel().setSelectionMode(SelectionMode.MULTIPLE);
    table.setPlaceholder(new Label(texts.get("inside.empty")));
    table.setColumnResizePolicy(TableView.CONSTRAINED_RESIZE_POLICY_FLEX_LAST_COLUMN);
    table.getColumns().add(column("inside.name", 380, InsidePage::name));
    table.getColumns().add(column("inside.size", 110, this::size));
    table.getColumns().add(column("inside.changed", 150, entry -> date(entry.modified())));
    table
        .getSelectionModel()
        .getSelectedItems()
        .addListener(
            (ListChangeListener<Entry>) _ -> copy.setDisable(table.getSelectionModel().isEmpty()));
    table.setRowFactory(
        _ -> {
          TableRow<Entry> row = new TableRow<>();
          row.setOnMouseClicked(
              event -> {
                if (event.getClickCount() == 2 && !row.isEmpty()) {
                  enter(row.getItem());
                }
              });
          return row;
        });
    table.addEventFilter(KeyEvent.KEY_PRESSED, this::key);
  }

  private void key(KeyEvent event) {
    Entry chosen = table.getSelectionModel().getSelectedItem();
    if (event.getCode() == KeyCode.ENTER && chosen != null && chosen.type() == Type.DIRECTORY) {
      event.consume();
      enter(chosen);
    } else if (event.getCode() == KeyCode.BACK_SPACE) {
      event.consume();
      go(InsideModel.above(path));
    }
  }

  private TableColumn<Entry, String> column(
      String key, double width, Function<Entry, String> text) {
    TableColumn<Entry, String> column = new TableColumn<>(texts.get(key));
    column.setPrefWidth(width);
    column.setSortable(false);
    column.setCellValueFactory(cell -> new ReadOnlyStringWrapper(text.apply(cell.getValue())));
    return column;
  }

  private static String name(Entry entry) {
    String plain = FileSystem.shown(entry.name());
    return switch (entry.type()) {
      case LINK -> plain + " \u2192 " + entry.link();
      case DIRECTORY, FILE, OTHER -> plain;
    };
  }

  private String size(Entry entry) {
    return switch (entry.type()) {
      case DIRECTORY -> texts.get("inside.folder");
      case FILE -> Sizes.of(entry.size());
      case LINK, OTHER -> "";
    };
  }

  private static String date(@Nullable Instant time) {
    return time == null ? "" : DATE.format(time.atZone(ZoneId.systemDefault()));
  }

  private void enter(Entry entry) {
    if (entry.type() == Type.DIRECTORY || entry.type() == Type.LINK) {
      go(FileSystem.below(path, entry.name()));
    }
  }

  private void go(String to) {
    Place place = places.getValue();
    if (place == null) {
      return;
    }
    look(
        () -> model.list(place, to),
        entries -> {
          path = to;
          where.setText(to);
          up.setDisable(to.equals("/"));
          table.getItems().setAll(entries);
          table.scrollTo(0);
          table.requestFocus();
          table.getSelectionModel().clearSelection();
          outcome.clear();
        });
  }

  private void copyOut() {
    Place place = places.getValue();
    List<Entry> chosen = List.copyOf(table.getSelectionModel().getSelectedItems());
    Path target = desktop.picker().folder(desktop.stage(), texts.get("inside.copy.where"));
    if (target == null || place == null || chosen.isEmpty()) {
      return;
    }
    String from = path;
    copy.setDisable(true);
    desktop
        .jobs()
        .start(
            texts.get("inside.copy.job", target.getFileName()),
            progress -> model.copyOut(place, from, chosen, target, progress),
            new Jobs.Outcome<InsideModel.Copied>() {
              @Override
              public void done(InsideModel.Copied copied) {
                copy.setDisable(false);
                outcome.say(
                    texts.get("inside.copy.done", copied.files(), Sizes.of(copied.bytes()), target),
                    true);
              }

              @Override
              public void failed(IOException problem) {
                copy.setDisable(false);
                outcome.failed(texts, problem);
              }

              @Override
              public void cancelled() {
                copy.setDisable(false);
                outcome.say(texts.get("jobs.cancelled"), true);
              }
            });
  }

  private <T> void look(Callable<T> work, Consumer<T> next) {
    Lookup.start(texts, work, next, problem -> outcome.failed(texts, problem));
  }
}
