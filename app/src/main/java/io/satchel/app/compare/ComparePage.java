package io.satchel.app.compare;

import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.OutcomeLabel;
import io.satchel.app.common.Page;
import io.satchel.app.compare.CompareModel.Difference;
import io.satchel.app.compare.CompareModel.Kind;
import io.satchel.app.compare.CompareModel.Result;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.DiskLook;
import io.satchel.image.fs.FileSystem;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import javafx.beans.property.ReadOnlyStringWrapper;
import javafx.collections.FXCollections;
import javafx.collections.transformation.FilteredList;
import javafx.concurrent.Task;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ProgressBar;
import javafx.scene.control.TableColumn;
import javafx.scene.control.TableView;
import javafx.scene.control.TextField;
import javafx.scene.layout.HBox;
import javafx.scene.layout.VBox;

/** What differs between two states of a computer's disks, as a list to be searched and saved. */
public final class ComparePage extends Page {

  private static final double TABLE_HEIGHT = 400;

  private final Desktop desktop;
  private final OutcomeLabel outcome = new OutcomeLabel();
  private final VBox body = new VBox(12);
  private List<Difference> differences = List.of();

  public ComparePage(
      Desktop desktop,
      List<DiskLook> older,
      List<DiskLook> newer,
      String olderName,
      String newerName,
      Runnable back) {
    super(desktop.texts(), desktop.texts().get("compare.title", olderName, newerName), back);
    this.desktop = desktop;
    setId("compare-page");
    add(controls.text("compare.text"), outcome, body);
    outcome.tell(texts.get("compare.working"));
    ProgressBar bar = new ProgressBar();
    bar.setAccessibleText(texts.get("compare.working"));
    Task<Result> task =
        desktop
            .jobs()
            .start(
                texts.get("compare.job", olderName, newerName),
                progress -> CompareModel.run(older, newer, progress),
                new Jobs.Outcome<Result>() {
                  @Override
                  public void done(Result result) {
                    show(result);
                  }

                  @Override
                  public void failed(IOException problem) {
                    body.getChildren().clear();
                    outcome.failed(texts, problem);
                  }

                  @Override
                  public void cancelled() {
                    body.getChildren().clear();
                    outcome.tell(texts.get("jobs.cancelled"));
                  }
                });
    Button cancel = controls.button("cancel", "dialog.cancel", task::cancel);
    body.getChildren().setAll(new HBox(10, bar, cancel));
  }

  private void show(Result result) {
    differences = result.differences();
    outcome.tell(
        differences.isEmpty()
            ? texts.get("compare.same")
            : texts.get(
                    "compare.found", count(Kind.ADDED), count(Kind.CHANGED), count(Kind.REMOVED))
                + (result.cut() ? "\n" + texts.get("compare.cut", CompareModel.MOST) : ""));
    if (differences.isEmpty()) {
      body.getChildren().clear();
      return;
    }
    FilteredList<Difference> shown =
        new FilteredList<>(FXCollections.observableArrayList(differences));
    TextField search = new TextField();
    search.setId("find");
    search.setPromptText(texts.get("compare.search"));
    search.setAccessibleText(texts.get("compare.search"));
    search
        .textProperty()
        .addListener((_, _, words) -> shown.setPredicate(each -> matches(each, words)));
    TableView<Difference> table = new TableView<>(shown);
    table.setId("differences");
    table.setAccessibleText(texts.get("compare.list"));
    table.setPlaceholder(new Label(texts.get("compare.none")));
    table.setPrefHeight(TABLE_HEIGHT);
    table.setColumnResizePolicy(TableView.CONSTRAINED_RESIZE_POLICY_FLEX_LAST_COLUMN);
    table.getColumns().add(column("compare.what", 90, each -> word(each.kind())));
    table.getColumns().add(column("compare.place", 190, Difference::place));
    table.getColumns().add(column("compare.path", 300, each -> FileSystem.shown(each.path())));
    table.getColumns().add(column("compare.before", 100, each -> FileSystem.shown(each.before())));
    table.getColumns().add(column("compare.after", 100, each -> FileSystem.shown(each.after())));
    body.getChildren().setAll(search, table);
    actions(controls.button("save-list", "compare.save", this::save));
  }

  private long count(Kind kind) {
    return differences.stream().filter(each -> each.kind() == kind).count();
  }

  private String word(Kind kind) {
    return texts.get("compare.kind." + kind.name().toLowerCase(Locale.ROOT));
  }

  private static boolean matches(Difference each, String words) {
    String wanted = words.strip().toLowerCase(Locale.ROOT);
    return (each.place() + " " + each.path() + " " + each.before() + " " + each.after())
        .toLowerCase(Locale.ROOT)
        .contains(wanted);
  }

  private TableColumn<Difference, String> column(
      String key, double width, Function<Difference, String> text) {
    TableColumn<Difference, String> column = new TableColumn<>(texts.get(key));
    column.setPrefWidth(width);
    column.setCellValueFactory(cell -> new ReadOnlyStringWrapper(text.apply(cell.getValue())));
    return column;
  }

  private void save() {
    Path target =
        desktop.picker().save(desktop.stage(), texts.get("compare.save"), "differences.txt");
    if (target == null) {
      return;
    }
    StringBuilder lines = new StringBuilder();
    for (Difference each : differences) {
      lines
          .append(
              String.join(
                  "\t",
                  word(each.kind()),
                  each.place(),
                  FileSystem.shown(each.path()),
                  FileSystem.shown(each.before()),
                  FileSystem.shown(each.after())))
          .append('\n');
    }
    try {
      Files.writeString(target, lines, StandardCharsets.UTF_8);
      outcome.tell(texts.get("compare.saved", target));
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
    }
  }
}
