// Writes single beats with byte strobes to one AXI4 channel, up to Outstanding of them under way.
//
// idle_o says that the memory has acknowledged all: what was written before can be read then. A
// response with an error sets error_o.
module axi_write_beats #(
  parameter int unsigned Outstanding = 32,
  localparam int unsigned DataW = accllm_pkg::BeatBytes * 8
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               valid_i,
  output logic               ready_o,
  input  logic [63:0]        address_i,  // of bytes, a multiple of a beat
  input  logic [DataW-1:0]   data_i,
  input  logic [DataW/8-1:0] strobe_i,
  output logic               idle_o,
  output logic               error_o,
  input  logic               error_clear_i,
  output logic               aw_valid_o,
  input  logic               aw_ready_i,
  output logic [63:0]        aw_address_o,
  output logic               w_valid_o,
  input  logic               w_ready_i,
  output logic [DataW-1:0]   w_data_o,
  output logic [DataW/8-1:0] w_strobe_o,
  input  logic               b_valid_i,
  output logic               b_ready_o,
  input  logic [1:0]         b_response_i
);
  localparam int unsigned CountW = $clog2(Outstanding + 1);
  logic [CountW-1:0] count_q;
  logic take;
  assign ready_o = (!aw_valid_o || aw_ready_i) && (!w_valid_o || w_ready_i)
                   && count_q != CountW'(Outstanding);
  assign take = valid_i && ready_o;
  assign idle_o = count_q == '0;
  assign b_ready_o = 1'b1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_valid_o <= 1'b0;
      w_valid_o <= 1'b0;
      count_q <= '0;
    end else begin
      if (take) aw_valid_o <= 1'b1;
      else if (aw_ready_i) aw_valid_o <= 1'b0;
      if (take) w_valid_o <= 1'b1;
      else if (w_ready_i) w_valid_o <= 1'b0;
      if (take && !b_valid_i) count_q <= count_q + 1'b1;
      if (!take && b_valid_i) count_q <= count_q - 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      aw_address_o <= address_i;
      w_data_o <= data_i;
      w_strobe_o <= strobe_i;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || error_clear_i) error_o <= 1'b0;
    else if (b_valid_i && b_response_i[1]) error_o <= 1'b1;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_i) begin
      assert (address_i[$clog2(DataW/8)-1:0] == '0) else $error("address within a beat");
    end
    if (rst_ni && b_valid_i) assert (count_q != '0) else $error("a response too many");
  end
`endif
  logic unused;
  assign unused = b_response_i[0];
endmodule
