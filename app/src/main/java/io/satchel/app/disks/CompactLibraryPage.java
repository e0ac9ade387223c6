package io.satchel.app.disks;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Sizes;
import io.satchel.app.disks.LibraryCompaction.Item;
import io.satchel.app.disks.LibraryCompaction.Outcome;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.Questions;
import io.satchel.image.Answers;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckBox;
import javafx.scene.control.Label;

/** What compacting would save in each disk of the library, and doing it to those chosen. */
public final class CompactLibraryPage extends WorkPage {

  private final LibraryCompaction compaction;
  private final List<Outcome> done;
  private final List<CheckBox> boxes = new ArrayList<>();
  private final Button start;
  private final Button undo;
  private List<Item> items = List.of();
  private Answers known = Answers.none();

  /**
   * @param running whether a machine runs now
   */
  public CompactLibraryPage(Desktop desktop, Predicate<Entry> running, Runnable back) {
    this(desktop, running, new ArrayList<>(), back);
  }

  private CompactLibraryPage(
      Desktop desktop, Predicate<Entry> running, List<Outcome> done, Runnable back) {
    super(
        desktop,
        desktop.texts().get("compact.all.title"),
        () -> {
          done.forEach(each -> each.item().compaction().forget());
          back.run();
        },
        Controls.paragraph(desktop.texts().get("compact.text")));
    setId("compact-library");
    this.done = done;
    compaction = new LibraryCompaction(desktop.library(), texts, running);
    start = controls.button("start", "compact.start", this::compact);
    undo = controls.button("undo", "compact.undo", this::undo);
    look("");
  }

  private void look(String said) {
    work(
        texts.get("compact.all.look"),
        compaction::look,
        found ->
            ask(
                new ArrayList<>(found),
                0,
                items -> {
                  show(items);
                  if (!said.isEmpty()) {
                    outcome(said, true);
                  }
                }));
  }

  /** Asks what the disks raise that could not be looked at; whoever gives up is left as it is. */
  private void ask(List<Item> found, int at, Consumer<List<Item>> next) {
    if (at == found.size()) {
      next.accept(found);
    } else if (!found.get(at).unreadable()) {
      ask(found, at + 1, next);
    } else {
      new Questions(desktop)
          .open(
              known,
              answers -> LibraryCompaction.again(found.get(at), answers),
              (item, answers) -> {
                known = answers;
                found.set(at, item);
                ask(found, at + 1, next);
              },
              _ -> ask(found, at + 1, next));
    }
  }

  private void show(List<Item> found) {
    items = found;
    boxes.clear();
    List<Node> nodes = new ArrayList<>();
    long total = found.stream().mapToLong(Item::saving).sum();
    nodes.add(controls.text("compact.all.total", Sizes.of(total), found.size()));
    for (Item item : found) {
      boolean useful = item.saving() > 0;
      CheckBox box = new CheckBox(words(item));
      box.setId("disk-" + boxes.size());
      box.setWrapText(true);
      box.setAccessibleText(box.getText());
      box.setSelected(useful);
      box.setDisable(!useful);
      box.selectedProperty().addListener((_, _, _) -> ready());
      boxes.add(box);
      nodes.add(box);
      if (item.reason() != null) {
        Label reason = Controls.paragraph(item.reason());
        reason.getStyleClass().add("quiet");
        nodes.add(reason);
      }
    }
    subject(nodes.toArray(Node[]::new));
    buttons(start);
    ready();
  }

  private String words(Item item) {
    Compaction.Found found = item.found();
    return found == null
        ? item.name()
        : texts.get(
            "compact.all.item", item.name(), Sizes.of(item.saving()), Sizes.of(found.taken()));
  }

  private void ready() {
    start.setDisable(boxes.stream().noneMatch(CheckBox::isSelected));
  }

  private void compact() {
    List<Item> chosen = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      if (boxes.get(i).isSelected()) {
        chosen.add(items.get(i));
      }
    }
    boxes.forEach(box -> box.setDisable(true));
    work(
        texts.get("compact.all.job"), progress -> compaction.run(chosen, progress), this::finished);
  }

  private void finished(List<Outcome> outcomes) {
    done.addAll(outcomes);
    long before = 0;
    long after = 0;
    boolean good = true;
    List<Node> nodes = new ArrayList<>();
    for (Outcome each : outcomes) {
      Compaction.Result result = each.result();
      if (result == null) {
        good = false;
        nodes.add(Controls.paragraph(each.item().name() + "\n" + each.problem()));
      } else {
        before += result.before();
        after += result.after();
        nodes.add(
            controls.text(
                "compact.all.result",
                each.item().name(),
                Sizes.of(result.before()),
                Sizes.of(result.after())));
      }
    }
    subject(nodes.toArray(Node[]::new));
    boolean undoable = outcomes.stream().anyMatch(CompactLibraryPage::undoable);
    outcome(
        texts.get("compact.done", Sizes.of(before), Sizes.of(after))
            + (undoable ? "\n" + texts.get("compact.undo.until") : ""),
        good);
    if (undoable) {
      buttons(undo);
    } else {
      buttons();
    }
  }

  private static boolean undoable(Outcome outcome) {
    Compaction.Result result = outcome.result();
    return result != null && result.undoable();
  }

  private void undo() {
    try {
      for (Outcome each : done) {
        if (undoable(each)) {
          each.item().compaction().undo();
        }
      }
      done.clear();
      look(texts.get("compact.all.undone"));
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
    }
  }

  @Override
  String untouched() {
    return texts.get("compact.all.whole");
  }
}
