/**
 * The messages of an event file, as a protobufjs descriptor (https://github.com/tensorflow/tensorboard,
 * tensorboard/compat/proto/event.proto and summary.proto).
 *
 * @module
 */

/** `SessionLog.SessionStatus.START`. */
export const SESSION_START = 1;
/** `Summary.Image.colorspace`: red, green, blue and opacity. */
export const RGBA = 4;
/** `DataType.DT_STRING`. */
export const STRING = 7;

const field = (id: number, type: string) => ({ id, type });

/** The descriptor, by the messages' names. */
export const eventSchema = {
  nested: {
    Event: {
      fields: {
        wallTime: field(1, "double"),
        step: field(2, "int64"),
        fileVersion: field(3, "string"),
        summary: field(5, "Summary"),
        sessionLog: field(7, "SessionLog"),
        sourceMetadata: field(10, "SourceMetadata"),
      },
    },
    SourceMetadata: { fields: { writer: field(1, "string") } },
    SessionLog: { fields: { status: field(1, "int32") } },
    Summary: { fields: { value: { ...field(1, "Value"), rule: "repeated" } } },
    // Summary.Value and Summary.Image in summary.proto; their names are not part of the encoding.
    Value: {
      fields: {
        tag: field(1, "string"),
        simpleValue: field(2, "float"),
        image: field(4, "Image"),
        tensor: field(8, "TensorProto"),
        metadata: field(9, "SummaryMetadata"),
      },
    },
    Image: {
      fields: {
        height: field(1, "int32"),
        width: field(2, "int32"),
        colorspace: field(3, "int32"),
        encodedImageString: field(4, "bytes"),
      },
    },
    TensorProto: {
      fields: { dtype: field(1, "int32"), stringVal: { ...field(8, "string"), rule: "repeated" } },
    },
    SummaryMetadata: { fields: { pluginData: field(1, "PluginData") } },
    // SummaryMetadata.PluginData.
    PluginData: { fields: { pluginName: field(1, "string") } },
  },
};
