package io.satchel.app.wizard;

import io.satchel.app.common.Choices;
import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.FileRow;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.Sentences;
import io.satchel.app.common.Sizes;
import io.satchel.app.identify.ImageSummary;
import io.satchel.app.library.Conversion;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.library.Questions;
import io.satchel.app.preset.Preset;
import io.satchel.app.wizard.Guide.GuidePage;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.operation.Cancelled;
import io.satchel.resources.Texts;
import io.satchel.vm.api.MachineConfig.DriveKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;
import javafx.scene.control.RadioButton;
import javafx.scene.control.TextField;
import javafx.scene.control.ToggleGroup;
import javafx.scene.layout.VBox;
import org.jspecify.annotations.Nullable;

/**
 * Takes a disk over into the library: which file, what it consists of and where it is to be, what
 * the computer is called, and a summary.
 */
public final class AdoptWizard {

  private final Desktop desktop;
  private final Texts texts;
  private final Controls controls;
  private final Guide guide;
  private final FileRow file;
  private final Label found = Controls.paragraph("");
  private final VBox chain = new VBox(4);
  private final RadioButton apart;
  private final RadioButton into;
  private final RadioButton copy;
  private final TextField name = new TextField();
  private final ComboBox<Preset> preset;
  private final Label summary = Controls.paragraph("");
  private final GuidePage pick;
  private @Nullable ImageSummary image;
  private @Nullable Path looked;

  public AdoptWizard(Desktop desktop) {
    this.desktop = desktop;
    texts = desktop.texts();
    preset = Choices.of("preset", desktop.presets().all(), each -> each.title(texts));
    guide = new Guide(desktop, texts.get("adopt.title"));
    controls = guide.controls();
    pick = guide.page("adopt-file", "adopt.page.file");
    GuidePage where = guide.page("adopt-where", "adopt.page.where");
    GuidePage what = guide.page("adopt-what", "adopt.page.what");
    GuidePage last = guide.page("adopt-summary", "adopt.page.summary");
    file =
        new FileRow(
            texts,
            "adopt-file-name",
            "adopt.file",
            () -> desktop.pickImage(texts.get("adopt.file")),
            this::look);
    found.setId("found");
    pick.content(controls.text("adopt.file.text"), file, found)
        .first(file.input())
        .complete(() -> image != null && image.kind() == DriveKind.HARD_DISK);
    apart = controls.radio("apart", "adopt.apart");
    into = controls.radio("into", "adopt.into");
    copy = controls.radio("copy", "adopt.copy");
    ToggleGroup group = new ToggleGroup();
    group.getToggles().addAll(apart, into, copy);
    apart.setSelected(true);
    chain.setId("chain");
    where
        .content(
            controls.text("adopt.chain"),
            chain,
            apart,
            controls.help("adopt.apart.help"),
            into,
            controls.help("adopt.into.help"),
            copy,
            controls.help("adopt.copy.help"))
        .entering(this::drawChain);
    name.setId("name");
    name.textProperty().addListener((_, _, _) -> what.refresh());
    what.content(controls.field("create.name", name), controls.field("identify.preset", preset))
        .first(name)
        .complete(() -> !name.getText().isBlank());
    last.content(summary, controls.help("create.nothing.yet"))
        .entering(() -> summary.setText(summary()));
  }

  /** Begins with a file that is known. */
  public AdoptWizard with(Path path) {
    file.set(path);
    return this;
  }

  /** Finds out what the file is, off the window's thread. */
  private void look() {
    Path path = file.file();
    looked = path;
    image = null;
    found.setText("");
    pick.refresh();
    if (path == null || !Files.isRegularFile(path)) {
      return;
    }
    new Questions(desktop)
        .open(
            Answers.none(),
            answers -> ImageSummary.of(path, answers),
            (summary, _) -> seen(path, summary),
            problem -> failed(path, problem));
  }

  private void failed(Path path, IOException problem) {
    if (path.equals(looked) && !(problem instanceof Cancelled)) {
      found.setText(Sentences.of(texts, problem));
    }
  }

  private void seen(Path path, ImageSummary seen) {
    if (!path.equals(looked)) {
      return;
    }
    image = seen;
    found.setText(
        seen.kind() == DriveKind.HARD_DISK
            ? texts.get(
                "adopt.found",
                seen.findings().format(),
                Sizes.of(seen.findings().size()),
                Sizes.of(seen.fileSize()))
            : texts.get("adopt.nodisk"));
    String fileName = path.getFileName().toString();
    int dot = fileName.lastIndexOf('.');
    name.setText(dot > 0 ? fileName.substring(0, dot) : fileName);
    preset.setValue(desktop.presets().orUnknown(seen.preset()));
    pick.refresh();
  }

  /** The image and what it lies over, as boxes one above the other. */
  private void drawChain() {
    chain.getChildren().clear();
    ImageSummary seen = image;
    if (seen == null) {
      return;
    }
    for (Path each : seen.chain()) {
      if (!chain.getChildren().isEmpty()) {
        Label arrow = new Label(texts.get("adopt.over"));
        arrow.getStyleClass().add("quiet");
        chain.getChildren().add(arrow);
      }
      chain.getChildren().add(box(each));
    }
    chain.setAlignment(Pos.CENTER_LEFT);
  }

  private Node box(Path path) {
    String size;
    try {
      size = Sizes.of(Files.size(path));
    } catch (IOException _) {
      size = "?";
    }
    Label label = Controls.paragraph(texts.get("adopt.box", path.getFileName(), size));
    label.getStyleClass().add("chain-box");
    return label;
  }

  private String summary() {
    String key =
        apart.isSelected()
            ? "adopt.summary.apart"
            : into.isSelected() ? "adopt.summary.into" : "adopt.summary.copy";
    return texts.get("create.summary.name", name.getText().strip())
        + "\n"
        + texts.get("create.summary.system", preset.getValue().title(texts))
        + "\n"
        + texts.get(key, file.file());
  }

  /** Shows it; {@code made} follows when the machine is in the library. */
  public void show(Consumer<Entry> made) {
    guide.show(() -> make(made));
  }

  private void make(Consumer<Entry> made) {
    ImageSummary seen = image;
    if (seen == null) {
      return;
    }
    Preset chosen = preset.getValue();
    MachineFile draft =
        MachineFile.named(name.getText().strip(), chosen.memoryMib(), chosen.processor())
            .withPreset(chosen.id())
            .withSpeed(chosen.speed());
    boolean beside = apart.isSelected();
    boolean copied = copy.isSelected();
    desktop
        .jobs()
        .start(
            texts.get("create.job", draft.name()),
            progress ->
                beside
                    ? desktop.library().adopt(draft, seen.path(), seen.answers())
                    : take(desktop.library(), draft, seen, copied, progress),
            new Jobs.Outcome<Entry>() {
              @Override
              public void done(Entry entry) {
                made.accept(entry);
              }

              @Override
              public void failed(IOException problem) {
                Dialogs.error(desktop.stage(), texts, problem);
              }
            });
  }

  private static Entry take(
      Library library, MachineFile draft, ImageSummary seen, boolean copied, Progress progress)
      throws IOException {
    Path folder = library.newFolder(draft.name());
    try {
      String disk = library.nameFor(folder, seen.path());
      if (copied) {
        disk = "disk-1.qcow2";
        try (OpenedImage opened =
            Images.open(seen.path(), OpenOptions.readOnly().withAnswers(seen.answers()))) {
          Conversion.run(opened, folder.resolve(disk), "qcow2", false, progress);
        }
      }
      return library.save(folder, draft.withDisks(List.of(Disk.of(disk, 0))));
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(folder.resolve("disk-1.qcow2"));
      Files.deleteIfExists(folder);
      throw e;
    }
  }
}
