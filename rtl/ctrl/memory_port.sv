// A lane's memory channel: runs of stripes as a stream of beats, and half beats that are written.
// Stripes count from base_i.
module memory_port #(
  parameter int unsigned BurstBeats = 64,
  parameter int unsigned RoomBeats  = 504,
  parameter int unsigned AddressW   = 40,
  localparam int unsigned StripesW = ctrl_pkg::StripesW,
  localparam int unsigned BeatW    = accllm_pkg::BeatBytes * 8,
  localparam int unsigned HalfBytes = accllm_pkg::BeatBytes / 2,
  localparam int unsigned CountW   = $clog2(RoomBeats) + 1
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic [63:0]         base_i,
  input  logic                command_valid_i,
  output logic                command_ready_o,
  input  logic [31:0]         command_stripe_i,
  input  logic [StripesW-1:0] command_stripes_i,
  output logic                valid_o,
  output logic [BeatW-1:0]    beat_o,
  input  logic                takes_all_i,    // as axi_read_stream has them
  input  logic                clear_i,
  input  logic [CountW-1:0]   freed_i,
  input  logic                write_valid_i,
  output logic                write_ready_o,
  input  logic [31:0]         write_stripe_i,
  input  logic                write_is_upper_i,
  input  logic [BeatW/2-1:0]  write_data_i,
  input  logic [HalfBytes-1:0] write_strobe_i,
  output logic                written_o,      // memory has all that was written
  output logic                idle_o,
  output logic                read_error_o,
  output logic                write_error_o,
  input  logic                error_clear_i,
  // AXI.
  output logic                ar_valid_o,
  input  logic                ar_ready_i,
  output logic [63:0]         ar_address_o,
  output logic [7:0]          ar_length_o,
  input  logic                r_valid_i,
  output logic                r_ready_o,
  input  logic [BeatW-1:0]    r_data_i,
  input  logic [1:0]          r_response_i,
  input  logic                r_last_i,
  output logic                aw_valid_o,
  input  logic                aw_ready_i,
  output logic [63:0]         aw_address_o,
  output logic                w_valid_o,
  input  logic                w_ready_i,
  output logic [BeatW-1:0]    w_data_o,
  output logic [BeatW/8-1:0]  w_strobe_o,
  input  logic                b_valid_i,
  output logic                b_ready_o,
  input  logic [1:0]          b_response_i
);
  localparam int unsigned OffsetW = $clog2(accllm_pkg::BeatBytes);
  localparam int unsigned NumberW = AddressW - OffsetW;  // of a beat in memory

  logic [NumberW-1:0] write_number;
  assign write_number = base_i[AddressW-1:OffsetW] + NumberW'(write_stripe_i);

  logic reader_idle, writer_idle, unused_last;
  axi_read_stream #(
    .BurstBeats(BurstBeats), .RoomBeats(RoomBeats), .AddressW(AddressW), .BeatsW(StripesW)
  ) u_reader (
    .clk_i, .rst_ni, .command_valid_i, .command_ready_o,
    .base_i, .command_address_i(64'({command_stripe_i, OffsetW'(0)})),
    .command_beats_i(command_stripes_i),
    .valid_o, .data_o(beat_o), .last_o(unused_last), .takes_all_i, .clear_i, .freed_i,
    .idle_o(reader_idle),
    .error_o(read_error_o), .error_clear_i, .ar_valid_o, .ar_ready_i, .ar_address_o, .ar_length_o,
    .r_valid_i, .r_ready_o, .r_data_i, .r_response_i, .r_last_i
  );
  axi_write_beats u_writer (
    .clk_i, .rst_ni, .valid_i(write_valid_i), .ready_o(write_ready_o),
    .address_i(64'({write_number, OffsetW'(0)})), .data_i({write_data_i, write_data_i}),
    .strobe_i(write_is_upper_i ? {write_strobe_i, HalfBytes'(0)} : {HalfBytes'(0), write_strobe_i}),
    .idle_o(writer_idle), .error_o(write_error_o), .error_clear_i, .aw_valid_o, .aw_ready_i,
    .aw_address_o, .w_valid_o, .w_ready_i, .w_data_o, .w_strobe_o, .b_valid_i, .b_ready_o,
    .b_response_i
  );
  assign idle_o    = reader_idle && writer_idle;
  assign written_o = writer_idle;

endmodule
