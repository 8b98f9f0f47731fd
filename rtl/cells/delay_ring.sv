// data_o is data_i of Delay enabled cycles before. A ring in RAM and a register: for delays of more
// than a few cycles, where flip-flops would be many. There is no reset; any pointer does.
module delay_ring #(
  parameter int unsigned Width = 8,
  parameter int unsigned Delay = 8,      // at least 2
  parameter Style = "distributed"        // RAM of LUTs, or BRAM ("block")
) (
  input  logic             clk_i,
  input  logic             en_i,
  input  logic [Width-1:0] data_i,
  output logic [Width-1:0] data_o
);
  localparam int unsigned AddrW = $clog2(Delay);
  if (Delay < 2) begin : gen_check_delay
    $error("Delay must be at least 2");
  end
  if (Style != "distributed" && Style != "block") begin : gen_check_style
    $error("Style must be distributed or block");
  end

  logic [AddrW-1:0] write_q = '0;
  logic [AddrW-1:0] read;
  (* ram_style = Style *)
  logic [Width-1:0] ring [2**AddrW];
  // The register takes one cycle, the ring the others.
  assign read = write_q - AddrW'(Delay - 1);
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      write_q       <= write_q + 1'b1;
      ring[write_q] <= data_i;
      data_o        <= ring[read];
    end
  end
endmodule
