package io.satchel.app.wizard;

import io.satchel.app.common.Choices;
import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.FileRow;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.Sizes;
import io.satchel.app.identify.ImageSummary;
import io.satchel.app.library.Conversion;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.open.ImageKinds;
import io.satchel.app.preset.Preset;
import io.satchel.app.preset.Presets;
import io.satchel.app.wizard.Guide.GuidePage;
import io.satchel.image.FormatAdviser;
import io.satchel.image.Images;
import io.satchel.resources.Texts;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.DriveKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;
import javafx.scene.control.RadioButton;
import javafx.scene.control.Spinner;
import javafx.scene.control.TextField;
import javafx.scene.control.ToggleGroup;
import org.jspecify.annotations.Nullable;

/** Makes a computer: which system, what it starts from, its hardware, and a summary. */
public final class CreateWizard {

  private static final int MEMORY_STEP = 16;

  /** What the engine knows, the slowest first. */
  public static final List<String> PROCESSORS =
      List.of(
          "486", "pentium", "pentium-mmx", "pentiumpro", "pentium2", "pentium3", "pentium4", "max");

  private final Desktop desktop;
  private final Texts texts;
  private final Controls controls;
  private final Guide guide;
  private final ComboBox<Preset> preset;
  private final TextField name = new TextField();
  private final Label advice = Controls.paragraph("");
  private final ToggleGroup source = new ToggleGroup();
  private final RadioButton fromFile;
  private final RadioButton fromNothing;
  private final FileRow file;
  private final Spinner<Integer> memory =
      new Spinner<>(1, MachineFile.MAX_MEMORY_MIB, 256, MEMORY_STEP);
  private final ComboBox<String> processor;
  private final Label memoryAdvice = Controls.paragraph("");
  private final RadioButton withDisk;
  private final RadioButton withoutDisk;
  private final DiskChoice disk;
  private final Label summary = Controls.paragraph("");
  private boolean named;
  private boolean naming;

  /**
   * @param suggested the preset to begin with, or null
   * @param image an image to start from, or null
   */
  public CreateWizard(Desktop desktop, @Nullable Preset suggested, @Nullable ImageSummary image) {
    this.desktop = desktop;
    texts = desktop.texts();
    guide = new Guide(desktop, texts.get("create.title"));
    controls = guide.controls();
    processor = Choices.of("processor", PROCESSORS, each -> texts.get("processor." + each));
    preset = Choices.of("preset", desktop.presets().all(), each -> each.title(texts));
    fromNothing = controls.radio("from-nothing", "create.from.nothing");
    fromFile = controls.radio("from-file", "create.from.file");
    withDisk = controls.radio("with-disk", "create.disk.new");
    withoutDisk = controls.radio("without-disk", "create.disk.none");

    GuidePage system = guide.page("create-system", "create.page.system");
    GuidePage start = guide.page("create-start", "create.page.start");
    GuidePage hardware = guide.page("create-hardware", "create.page.hardware");
    GuidePage last = guide.page("create-summary", "create.page.summary");

    file =
        new FileRow(
            texts,
            "start-file",
            "create.file",
            () -> desktop.pickImage(texts.get("create.file")),
            () -> {
              fromFile.setSelected(true);
              start.refresh();
            });
    disk = new DiskChoice(texts, List.of("qcow2", "raw"), hardware::refresh);
    prepare(suggested);
    system
        .content(
            controls.text("create.system.text"),
            controls.field("create.preset", preset),
            advice,
            controls.field("create.name", name))
        .first(name)
        .complete(() -> !name.getText().isBlank());
    name.textProperty()
        .addListener(
            (_, _, _) -> {
              named |= !naming;
              system.refresh();
            });
    start
        .content(
            controls.text("create.start.text"),
            fromNothing,
            controls.help("create.from.nothing.help"),
            fromFile,
            controls.help("create.from.file.help"),
            file)
        .complete(() -> fromNothing.isSelected() || readable());
    source.selectedToggleProperty().addListener((_, _, _) -> start.refresh());
    hardware
        .content(
            controls.field("create.memory", memory),
            memoryAdvice,
            controls.field("create.processor", processor),
            withDisk,
            disk,
            withoutDisk)
        .complete(() -> withoutDisk.isSelected() || disk.usable());
    withDisk.selectedProperty().addListener((_, _, on) -> disk.setDisable(!on));
    withDisk.selectedProperty().addListener((_, _, _) -> hardware.refresh());
    last.content(summary, controls.help("create.nothing.yet"))
        .entering(() -> summary.setText(summary()));
    if (image != null) {
      file.set(image.path());
    }
  }

  private void prepare(@Nullable Preset suggested) {
    preset.valueProperty().addListener((_, _, chosen) -> presetChosen(chosen));
    name.setId("name");
    advice.getStyleClass().add("quiet");
    memoryAdvice.getStyleClass().add("quiet");
    memory.setId("memory");
    memory.setEditable(true);
    fromNothing.setToggleGroup(source);
    fromFile.setToggleGroup(source);
    fromNothing.setSelected(true);
    ToggleGroup disks = new ToggleGroup();
    withDisk.setToggleGroup(disks);
    withoutDisk.setToggleGroup(disks);
    withDisk.setSelected(true);
    preset.setValue(suggested != null ? suggested : desktop.presets().orUnknown("windows-98"));
  }

  private void presetChosen(Preset chosen) {
    advice.setText(chosen.hint(texts));
    if (!named) {
      naming = true;
      name.setText(
          chosen.id().equals(Presets.UNKNOWN)
              ? texts.get("create.name.plain")
              : chosen.title(texts));
      naming = false;
    }
    memory.getValueFactory().setValue(chosen.memoryMib());
    memoryAdvice.setText(
        texts.get(
            "create.memory.advice",
            Sizes.of(chosen.memoryMib() * 1048576L),
            Sizes.of(chosen.memoryMaxMib() * 1048576L)));
    processor.setValue(chosen.processor());
    disk.suggest(chosen.diskGb());
  }

  private boolean readable() {
    Path named = file.file();
    return named != null && Files.isRegularFile(named);
  }

  private String summary() {
    StringBuilder text = new StringBuilder();
    text.append(texts.get("create.summary.name", name.getText().strip())).append('\n');
    text.append(texts.get("create.summary.system", preset.getValue().title(texts))).append('\n');
    text.append(
            texts.get(
                "create.summary.hardware",
                Sizes.of(memory.getValue() * 1048576L),
                texts.get("processor." + processor.getValue())))
        .append('\n');
    text.append(
        withoutDisk.isSelected()
            ? texts.get("create.summary.nodisk")
            : texts.get(
                "create.summary.disk",
                Sizes.of(disk.bytes()),
                texts.get("format." + disk.format())));
    if (fromFile.isSelected() && file.file() != null) {
      text.append('\n').append(texts.get("create.summary.from", file.file()));
    }
    return text.toString();
  }

  /** Shows it; {@code made} follows when the machine is in the library. */
  public void show(Consumer<Entry> made) {
    guide.show(() -> make(made));
  }

  private void make(Consumer<Entry> made) {
    Plan plan =
        new Plan(
            MachineFile.named(name.getText().strip(), memory.getValue(), processor.getValue())
                .withPreset(preset.getValue().id())
                .withSpeed(preset.getValue().speed()),
            preset.getValue().bootOrder(),
            fromFile.isSelected() ? file.file() : null,
            withDisk.isSelected() ? disk.bytes() : 0,
            disk.format());
    desktop
        .jobs()
        .start(
            texts.get("create.job", name.getText().strip()),
            _ -> plan.carryOut(desktop),
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

  /**
   * What was agreed to.
   *
   * @param start the image to start from, or null
   * @param diskBytes the size of a new disk, or 0 for none
   */
  private record Plan(
      MachineFile draft,
      List<BootDevice> order,
      @Nullable Path start,
      long diskBytes,
      String format) {

    Entry carryOut(Desktop desktop) throws IOException {
      DriveKind kind = start == null ? null : ImageKinds.of(start);
      Path folder = desktop.library().newFolder(draft.name());
      try {
        List<Disk> disks = new ArrayList<>();
        if (kind == DriveKind.HARD_DISK && start != null) {
          Path layer = folder.resolve("changes-1.qcow2");
          io.satchel.image.Overlay.create(
              layer,
              start,
              io.satchel.image.OpenOptions.BackingPolicy.SAME_FOLDER,
              desktop.library().together());
          disks.add(
              Disk.of(desktop.library().nameFor(folder, start), 0)
                  .withLayers(List.of(layer.getFileName().toString())));
        }
        if (diskBytes > 0) {
          String file = "disk-1." + Conversion.extension(format);
          Images.create(
              folder.resolve(file), format, diskBytes, FormatAdviser.options(format, diskBytes));
          disks.add(Disk.of(file, disks.size()));
        }
        String image = start == null ? null : desktop.library().nameFor(folder, start);
        MachineFile whole =
            draft
                .withDisks(disks)
                .withMedia(
                    kind == DriveKind.CD ? image : null,
                    kind == DriveKind.FLOPPY ? image : null,
                    null)
                .withBoot(order, once(kind), false);
        return desktop.library().save(folder, whole);
      } catch (IOException | RuntimeException e) {
        clear(folder);
        throw e;
      }
    }

    /** The first start is from what was picked; afterwards the order decides. */
    private static @Nullable BootDevice once(@Nullable DriveKind kind) {
      return kind == DriveKind.CD
          ? BootDevice.CD
          : kind == DriveKind.FLOPPY ? BootDevice.FLOPPY : null;
    }

    private static void clear(Path folder) throws IOException {
      try (var files = Files.list(folder)) {
        for (Path each : files.toList()) {
          Files.deleteIfExists(each);
        }
      }
      Files.deleteIfExists(folder);
    }
  }
}
