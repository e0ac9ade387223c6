package io.satchel.app.library;

import io.satchel.app.common.FilePicker;
import io.satchel.app.common.Jobs;
import io.satchel.app.preset.Presets;
import io.satchel.resources.Texts;
import java.nio.file.Path;
import java.util.List;
import javafx.stage.FileChooser.ExtensionFilter;
import javafx.stage.Stage;
import org.jspecify.annotations.Nullable;

/**
 * What every page of the window works with.
 *
 * @param home the person's own folder
 */
public record Desktop(
    Stage stage,
    Texts texts,
    Library library,
    Presets presets,
    Jobs jobs,
    FilePicker picker,
    Path home) {

  /** Asks for a disk, CD or floppy image. */
  public @Nullable Path pickImage(String title) {
    return picker.open(
        stage,
        title,
        List.of(
            new ExtensionFilter(
                texts.get("open.images"),
                List.of(
                    "*.qcow2", "*.qcow", "*.img", "*.raw", "*.iso", "*.ima", "*.flp", "*.vfd",
                    "*.dd", "*.bin", "*.vmdk", "*.vdi", "*.vhd", "*.vhdx", "*.qed", "*.hdd",
                    "*.ova", "*.zip", "*.gz", "*.xz", "*.zst")),
            new ExtensionFilter(texts.get("open.all"), "*")));
  }
}
