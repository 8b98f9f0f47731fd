// The kernel's registers behind AXI4-Lite: ap_ctrl_hs, interrupt, memory pointers, arguments and
// status. Offsets come from the specification.
//
// start_o is high for the cycle in which a pass begins, done_i for the one in which it ends; the
// kernel is ready for the next start at the same time. Arguments must not be written in between.
// Reading an argument that was never written gives any value.
module axi_lite_registers #(
  parameter int unsigned Channels = 4
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic                    aw_valid_i,
  output logic                    aw_ready_o,
  input  logic [11:0]             aw_address_i,
  input  logic                    w_valid_i,
  output logic                    w_ready_o,
  input  logic [31:0]             w_data_i,
  input  logic [3:0]              w_strobe_i,
  output logic                    b_valid_o,
  input  logic                    b_ready_i,
  output logic [1:0]              b_response_o,
  input  logic                    ar_valid_i,
  output logic                    ar_ready_o,
  input  logic [11:0]             ar_address_i,
  output logic                    r_valid_o,
  input  logic                    r_ready_i,
  output logic [31:0]             r_data_o,
  output logic [1:0]              r_response_o,
  output logic                    interrupt_o,
  output logic                    start_o,
  input  logic                    done_i,
  output logic [Channels*64-1:0]  memory_o,     // [Channels] byte addresses
  output accllm_pkg::arguments_t  arguments_o,
  input  accllm_pkg::status_t     status_i
);
  if (Channels < 1 || Channels > accllm_pkg::RegMemoryCount) begin : gen_check_channels
    $error("Channels must be 1 to RegMemoryCount");
  end

  // A write is taken when address and data are there, and carried out a cycle later.
  logic write, write_q;
  logic [11:0] write_address_q;
  logic [31:0] write_data_q;
  logic [3:0] write_strobe_q;
  assign write = aw_valid_i && w_valid_i && (!b_valid_o || b_ready_i);
  assign aw_ready_o = write;
  assign w_ready_o = write;
  assign b_response_o = 2'b00;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= 1'b0;
      b_valid_o <= 1'b0;
    end else begin
      write_q <= write;
      b_valid_o <= write || (b_valid_o && !b_ready_i);
    end
    write_address_q <= {aw_address_i[11:2], 2'b00};
    write_data_q <= w_data_i;
    write_strobe_q <= w_strobe_i;
  end

  axi_lite_words #(.Words(Channels * 2), .IsMemory(1'b1)) u_memory (
    .clk_i, .write_i(write_q), .address_i(write_address_q), .data_i(write_data_q),
    .strobe_i(write_strobe_q), .words_o(memory_o)
  );
  axi_lite_words #(.Words(accllm_pkg::ArgumentsBits / 32), .IsMemory(1'b0)) u_arguments (
    .clk_i, .write_i(write_q), .address_i(write_address_q), .data_i(write_data_q),
    .strobe_i(write_strobe_q), .words_o(arguments_o)
  );

  // A read: values that were written come from a copy in a RAM, others from where they are.
  logic read;
  logic [11:0] read_address;
  logic [31:0] written, control_word, status_word, other_q;
  logic is_other, is_other_q;
  assign read = ar_valid_i && ar_ready_o;
  assign read_address = {ar_address_i[11:2], 2'b00};
  assign ar_ready_o = (!r_valid_o || r_ready_i) && !write_q;
  assign r_response_o = 2'b00;
  ram_1w1r_be #(.Bytes(4), .Depth(1024), .Style("block")) u_written (
    .clk_i, .we_i(write_q), .be_i(write_strobe_q), .waddr_i(write_address_q[11:2]),
    .wdata_i(write_data_q), .re_i(read), .raddr_i(read_address[11:2]), .rdata_o(written)
  );
  assign is_other = read_address < accllm_pkg::RegMemory || read_address >= accllm_pkg::RegState;
  always_comb begin
    status_word = '0;
    for (int unsigned i = 0; i < accllm_pkg::StatusBits / 32; i++) begin
      if (read_address == accllm_pkg::status_offset(i)) status_word = status_i[32*i +: 32];
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) r_valid_o <= 1'b0;
    else r_valid_o <= read || (r_valid_o && !r_ready_i);
    if (read) begin
      is_other_q <= is_other;
      other_q <= control_word | status_word;
    end
  end
  assign r_data_o = is_other_q ? other_q : written;

  axi_lite_control u_control (
    .clk_i, .rst_ni, .write_i(write_q && write_strobe_q[0]), .write_address_i(write_address_q),
    .write_data_i(write_data_q[7:0]), .read_i(read), .read_address_i(read_address),
    .read_data_o(control_word), .interrupt_o, .start_o, .done_i
  );
  logic unused;
  assign unused = ^{aw_address_i[1:0], ar_address_i[1:0]};
endmodule
