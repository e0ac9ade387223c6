package io.satchel.app.disks;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Desktop;
import io.satchel.image.compact.Compact.Saving;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckBox;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;

/** What compacting would save, by file system, and doing it. */
public final class CompactPage extends DiskPage {

  private static final double BAR_WIDTH = 480;
  private static final double BAR_HEIGHT = 18;

  private final CheckBox compress;
  private final Button start;
  private final Button undo;
  private final Compaction compaction;

  public CompactPage(Desktop desktop, DiskFile file, Runnable back) {
    this(desktop, new Compaction(file), back);
  }

  private CompactPage(Desktop desktop, Compaction compaction, Runnable back) {
    super(
        desktop,
        compaction.file(),
        "compact.title",
        "compact.text",
        () -> {
          compaction.forget();
          back.run();
        });
    setId("compact");
    this.compaction = compaction;
    compress = controls.check("compress", "compact.compress", false);
    start = controls.button("start", "compact.start", this::compact);
    undo = controls.button("undo", "compact.undo", this::undo);
    find(compaction::look, this::show);
  }

  private void show(Compaction.Found found) {
    List<Node> nodes = new ArrayList<>();
    nodes.add(
        controls.text("compact.total", Sizes.of(found.plan().total()), Sizes.of(found.taken())));
    for (Saving each : found.plan().savings()) {
      nodes.add(bar(each));
    }
    if (found.plan().savings().isEmpty()) {
      nodes.add(controls.text("compact.nothing.known"));
    }
    compress.setDisable(!found.format().equals("qcow2"));
    nodes.add(compress);
    nodes.add(controls.help("compact.compress.help"));
    subject(nodes.toArray(Node[]::new));
    buttons(start);
  }

  /** A file system as a bar: in use, free and stored, free and not stored. */
  private Node bar(Saving saving) {
    double scale = BAR_WIDTH / Math.max(1, saving.size());
    Region used = part("space-used", (saving.size() - saving.free()) * scale);
    Region stored = part("space-save", saving.stored() * scale);
    HBox bar = new HBox(used, stored);
    bar.setMaxWidth(BAR_WIDTH);
    bar.setMinWidth(BAR_WIDTH);
    bar.getStyleClass().add("space-bar");
    String name = saving.label().isBlank() ? saving.kind() : saving.kind() + " " + saving.label();
    Label text =
        Controls.paragraph(
            texts.get(
                "compact.bar",
                name,
                Sizes.of(saving.size() - saving.free()),
                Sizes.of(saving.size()),
                Sizes.of(saving.stored())));
    bar.setAccessibleText(text.getText());
    return new VBox(4, text, bar);
  }

  private static Region part(String style, double width) {
    Region region = new Region();
    region.getStyleClass().add(style);
    region.setMinSize(width, BAR_HEIGHT);
    region.setMaxSize(width, BAR_HEIGHT);
    return region;
  }

  private void compact() {
    boolean packed = compress.isSelected() && !compress.isDisabled();
    work(
        texts.get("compact.job", file.name()),
        progress -> compaction.run(packed, progress),
        result -> {
          outcome(
              texts.get("compact.done", Sizes.of(result.before()), Sizes.of(result.after()))
                  + (result.undoable() ? "\n" + texts.get("compact.undo.until") : ""),
              true);
          if (result.undoable()) {
            buttons(undo);
          } else {
            buttons();
          }
        });
  }

  private void undo() {
    try {
      compaction.undo();
      find(
          compaction::look,
          found -> {
            show(found);
            outcome(texts.get("compact.undone", file.path()), true);
          });
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
    }
  }
}
